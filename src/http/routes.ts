/** Every route of the API, in the order of its document. */
import type { ApiServices, App } from "./api-services.ts";
import { configurationRoutes } from "./configuration-routes.ts";
import { credentialRoutes } from "./credential-routes.ts";
import { eventRoutes } from "./event-routes.ts";
import { hubRoutes } from "./hub-routes.ts";
import { liveRoutes } from "./live-routes.ts";
import { machineRoutes } from "./machine-routes.ts";
import { metricsRoute } from "./metrics-route.ts";
import { orderRoutes } from "./order-routes.ts";
import { probeRoutes } from "./probe-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { statusRoutes } from "./status-routes.ts";

/** Answers the function that ends the streams that are open. */
export function addRoutes(app: App, services: ApiServices): () => void {
  machineRoutes(app, services);
  orderRoutes(app, services);
  const endEvents = eventRoutes(app, services);
  const endLive = liveRoutes(app, services);
  hubRoutes(app, services);
  configurationRoutes(app, services);
  sessionRoutes(app, services);
  credentialRoutes(app, services);
  statusRoutes(app, services);
  metricsRoute(app, services);
  probeRoutes(app, services);
  return () => {
    endEvents();
    endLive();
  };
}
