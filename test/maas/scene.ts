/** A daemon with one machine, `nuc1`, built from some driver, and MAAS in front of it. */
import { VirtualClock } from "../virtual-clock.ts";
import type { Behaviour, Build, Builder } from "./builds.ts";
import type { Maas } from "./client.ts";
import { World } from "./world.ts";

export interface SceneOptions extends Behaviour {
  /** More settings of the machine. */
  readonly settings?: string;
  readonly server?: string;
  readonly access?: string;
}

export class Scene implements AsyncDisposable {
  readonly build: Build;
  readonly world: World;
  readonly maas: Maas;

  private constructor(build: Build, world: World) {
    this.build = build;
    this.world = world;
    this.maas = world.maas("nuc1");
  }

  static async open(builder: Builder, { settings, server, access, ...behaviour }: SceneOptions = {}): Promise<Scene> {
    const clock = new VirtualClock();
    const build = await builder.start(clock, behaviour);
    const { hubs, machine } = build;
    const world = await World.open({
      clock,
      machines: `{ nuc1: { ${[machine, ...(settings === undefined ? [] : [settings])].join(", ")} } }`,
      ...(hubs !== undefined && { hubs }),
      ...(server !== undefined && { server }),
      ...(access !== undefined && { access }),
    });
    return new Scene(build, world);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
    await this.build[Symbol.asyncDispose]();
  }
}
