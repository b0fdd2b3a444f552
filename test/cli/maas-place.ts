/** A place with a MAAS that is logged in to, whose racks' network leads the daemon's address to where it really listens. */
import { until } from "../expecting.ts";
import { ADMIN, SimulatedMaas, type SimulatedMaasOptions } from "../simulators/maas.ts";
import { Place, type Running } from "./cli.ts";

/** Of a network that nobody has (RFC 5737). */
export const DAEMON_URL = "http://203.0.113.10:6227";
const NETWORK = {
  racks: [{ systemId: "rack01", hostname: "maas", addresses: ["203.0.113.2"] }],
  subnets: ["203.0.113.0/24"],
};

export interface MaasPlaceOptions extends SimulatedMaasOptions {
  /** YAML of the configuration's machines, in block style. */
  readonly own: string;
  readonly server?: string;
}

export class MaasPlace implements AsyncDisposable {
  readonly maas: SimulatedMaas;
  readonly place: Place;

  private constructor(maas: SimulatedMaas, place: Place) {
    this.maas = maas;
    this.place = place;
  }

  static async open({
    own,
    server = `{ listen: 127.0.0.1:0, url: "${DAEMON_URL}" }`,
    ...options
  }: MaasPlaceOptions): Promise<MaasPlace> {
    const place = Place.with({ "maasochist.yaml": `server: ${server}\nmachines:\n${own}` });
    return new MaasPlace(await SimulatedMaas.start({ ...NETWORK, ...options }), place);
  }

  /** The same, with address and key of MAAS known. */
  static async loggedIn(options: MaasPlaceOptions): Promise<MaasPlace> {
    const opened = await MaasPlace.open(options);
    const { code, err } = await opened.login();
    if (code !== 0) throw new Error(err);
    return opened;
  }

  login(key = ADMIN.key) {
    return this.place.start(["maas", "login", this.maas.url], { env: { MAAS_API_KEY: key } }).end();
  }

  /** Starts the daemon, and leads the racks to it. */
  async serve(): Promise<Running> {
    const daemon = await this.place.serve();
    const { listening } = JSON.parse(daemon.out) as { listening: string[] };
    this.maas.routes.set(DAEMON_URL, `http://${listening[0]}`);
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.place[Symbol.asyncDispose]();
    await this.maas[Symbol.asyncDispose]();
  }
}

/** Resolves when the daemon answers a query with this token so: it looks for changed credentials once a second. */
export async function untilStatus({ maas }: MaasPlace, machine: string, token: string, status: number): Promise<void> {
  const url = `${maas.routes.get(DAEMON_URL)}/maas/${machine}/query`;
  await until(async () => (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status === status);
}
