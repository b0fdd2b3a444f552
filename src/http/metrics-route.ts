import { AccessError } from "./access-error.ts";
import { type ApiServices, type App, admit } from "./api-services.ts";
import { addressOf } from "./arrival.ts";
import { scrape } from "./metrics.ts";
import { METRICS_CONTENT_TYPE } from "./metrics-text.ts";
import { withinNetworks } from "./networks.ts";

/** For Prometheus: whoever may see every machine, and whoever asks from where the configuration lets anybody ask. */
export function metricsRoute(app: App, services: ApiServices): void {
  const { power, metrics } = services;
  let open: { readonly from: readonly string[]; readonly within: (address: string) => boolean } | undefined;
  const isOpenTo = (address: string): boolean => {
    const from = metrics.openFrom();
    if (open?.from !== from) open = { from, within: from.length === 0 ? () => false : withinNetworks(from) };
    return open.within(address);
  };

  app.get("/metrics", { exposeHeadRoute: false }, async (request, reply) => {
    if (!isOpenTo(addressOf(request.raw))) {
      const principal = await admit(services, request, "read");
      // The figures name hubs, and count machines, of which it may not know.
      if (!power.names.every((name) => principal.sees(name)))
        throw new AccessError(
          "forbidden",
          `${principal.actor.name} may not see every machine, and metrics tell of all`,
        );
    }
    return reply.header("Content-Type", METRICS_CONTENT_TYPE).header("Cache-Control", "no-store").send(scrape(metrics));
  });
}
