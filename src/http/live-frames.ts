/** What live pages are told, one frame each: made once for all callers who see everything, and for each other one as it may know. */
import type { ApiServices } from "./api-services.ts";
import { messageText } from "./event-source.ts";
import type { LiveEvent } from "./history.ts";
import { hubShape } from "./hub-shape.ts";
import { machineShape } from "./machine-shape.ts";
import type { Principal } from "./principal.ts";
import { shownEvent } from "./shown-event.ts";
import { statusFor } from "./status-shape.ts";

export type FrameServices = Pick<ApiServices, "power" | "sightings" | "checks" | "status" | "maas">;

/** Of whoever reads it: what is refused to automation is another thing than what is refused to people. */
export type Reader = Pick<Principal, "actor" | "sees" | "seesAll" | "may">;

/** The text for a reader; undefined where it may not know, or there is nothing to tell any more. */
export type Frame = (reader: Reader) => string | undefined;

export function machineFrame(name: string, { power, sightings, checks, maas }: FrameServices): Frame {
  return (reader) => {
    if (!power.has(name) || !reader.sees(name)) return undefined;
    const seen = {
      polled: sightings.of(name),
      refused: sightings.refusalOf(name),
      maas: maas?.(name),
      checking: checks.has(name),
      role: reader.actor.role,
    };
    return messageText("machine", machineShape(power.machine(name), seen));
  };
}

export function removedFrame(name: string): Frame {
  return (reader) => (reader.sees(name) ? messageText("removed", { name }) : undefined);
}

export function hubFrame(name: string, { power }: FrameServices): Frame {
  const hub = power.hubs().find((known) => known.spec.name === name);
  return (reader) => {
    const sees = (machine: string) => reader.sees(machine);
    return hub?.machines.some(sees) ? messageText("hub", hubShape(hub, power, sees)) : undefined;
  };
}

export function statusFrame(services: FrameServices): Frame {
  return (reader) =>
    messageText(
      "status",
      statusFor(services, (machine) => reader.sees(machine)),
    );
}

export function eventFrame({ id, event: whole }: LiveEvent): Frame {
  return (reader) => {
    const event = shownEvent(whole, reader);
    return event && messageText("event", { id, event });
  };
}
