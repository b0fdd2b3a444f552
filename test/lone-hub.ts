/** A hub as the controller makes one, without the controller. */
import { systemClock } from "../src/power/clock.ts";
import { Hub } from "../src/power/hub.ts";
import type { Pin } from "../src/power/journal.ts";
import type { HubSpec } from "../src/power/spec.ts";

export function loneHub(spec: HubSpec): Hub {
  const pins = new Map<string, Pin | undefined>();
  const services = {
    clock: systemClock,
    traffic: { open: 0, asked: 0 },
    pins: { pin: (hub: string) => pins.get(hub), setPin: (hub: string, pin: Pin | undefined) => pins.set(hub, pin) },
    turned: () => undefined,
  };
  return new Hub(spec, services, Promise.resolve());
}
