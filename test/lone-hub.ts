/** A hub as the controller makes one, without the controller. */
import { systemClock } from "../src/power/clock.ts";
import { Hub } from "../src/power/hub.ts";
import type { Pin } from "../src/power/journal.ts";
import type { HubSpec } from "../src/power/spec.ts";

export function loneHub(spec: HubSpec): Hub {
  const pins = new Map<string, Pin | undefined>();
  return new Hub(spec, {
    clock: systemClock,
    traffic: { open: 0 },
    pins: { pin: (hub) => pins.get(hub), setPin: (hub, pin) => pins.set(hub, pin) },
    ready: Promise.resolve(),
    turned: () => undefined,
  });
}
