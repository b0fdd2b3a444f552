import Button from "@canonical/react-components/dist/esm/components/Button";
import { useState } from "react";
import { ask, failureFrom } from "../api/client.ts";
import type { Failure, Hub, ListedOutlet } from "../api/types.ts";
import { Ago } from "../parts/ago.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Card, Facts } from "../parts/facts.tsx";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { Loading } from "../parts/loading.tsx";
import { NotThere } from "../parts/not-there.tsx";
import { usePageTitle } from "../parts/use-page-title.ts";
import { Link, machinePath } from "../router.tsx";
import { announce } from "../state/announce.ts";
import { useSession } from "../state/use-session.ts";
import { useStore } from "../state/use-store.ts";
import { VERB_WORDS } from "../words/words.ts";
import { Health, latencyWords } from "./health.tsx";

const LIST_TIMEOUT_MS = 20_000;

export default function HubPage({ name }: { readonly name: string }) {
  usePageTitle(name);
  const isKnown = useStore((state) => state.hubs !== undefined);
  const hub = useStore((state) => state.hubs?.get(name));
  if (!isKnown) return <Loading what="hub" />;
  if (!hub) return <NotThere what="hub" name={name} to="hubs" />;
  return <Shown hub={hub} />;
}

function Shown({ hub }: { readonly hub: Hub }) {
  const { name, driver, address, connected, failing, lastExchange, queued, running, pin } = hub;
  return (
    <>
      <header className="machine-head">
        <p className="machine-head__path">
          <Link to="hubs">Hubs</Link> /
        </p>
        <div className="machine-head__title">
          <h1 className="p-heading--3">{name}</h1>
          <span className="machine-head__state">
            <Health hub={hub} />
          </span>
        </div>
      </header>
      {failing && <FailureNotice title="It does not answer as it should" failure={failing} />}
      <div className="cards-grid">
        <Card title="Health">
          <Facts
            facts={[
              ["Driver", driver],
              ["Address", address],
              ["Failing since", failing && <Ago key="since" at={failing.since} />],
              ["Connection", connected ? "open" : "opened when it is needed"],
              ["Latency", `${latencyWords(hub)} (half, and all but one in a hundred, of the last 100)`],
              ["Last exchange", lastExchange && <Ago key="last" at={lastExchange.at} />],
              ["Waiting", queued + running],
            ]}
          />
        </Card>
        <Card title="Device">
          {pin ? (
            <Facts
              facts={[
                ["Identity", <code key="id">{pin.id}</code>],
                ["Model", pin.model],
                ["Firmware", pin.firmware],
                ["Remembered", <Ago key="at" at={pin.at} />],
              ]}
            />
          ) : (
            <p className="card__none">It has not said who it is, or its driver cannot tell.</p>
          )}
          {pin && <Trust name={name} />}
        </Card>
        <Card title="Outlets in use" wide>
          <InUse hub={hub} />
        </Card>
        <Card title="All outlets" wide>
          <AllOutlets name={name} />
        </Card>
      </div>
    </>
  );
}

const ROLES: Readonly<Record<Hub["outlets"][number]["role"], string>> = {
  supply: "Supply",
  query: "Reads its state",
  on: VERB_WORDS.on.name,
  off: VERB_WORDS.off.name,
  cycle: VERB_WORDS.cycle.name,
  reset: VERB_WORDS.reset.name,
};

function InUse({ hub: { outlets } }: { readonly hub: Hub }) {
  const uses = new Map<
    string,
    { readonly machine: string; readonly outlet: string | undefined; readonly roles: Set<string> }
  >();
  for (const { machine, outlet, role } of outlets) {
    const key = `${machine}\n${outlet ?? ""}`;
    const use = uses.get(key) ?? { machine, outlet, roles: new Set() };
    use.roles.add(ROLES[role]);
    uses.set(key, use);
  }
  return (
    <table className="plain" aria-label="Outlets in use">
      <thead>
        <tr>
          <th scope="col">Outlet</th>
          <th scope="col">Machine</th>
          <th scope="col">For</th>
        </tr>
      </thead>
      <tbody>
        {[...uses].map(([key, { machine, outlet, roles }]) => (
          <tr key={key}>
            <td>{outlet ?? "–"}</td>
            <td>
              <Link to={machinePath(machine)}>{machine}</Link>
            </td>
            <td>{[...roles].join(", ")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Asked of the device itself, so only when somebody wants to know. */
function AllOutlets({ name }: { readonly name: string }) {
  const { can } = useSession();
  const [outlets, setOutlets] = useState<readonly ListedOutlet[]>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  if (!can.configure) return <p className="card__none">Only an admin may have the device list them.</p>;
  const list = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      const path = `hubs/${encodeURIComponent(name)}/outlets`;
      const answer = await ask<{ readonly outlets: readonly ListedOutlet[] }>(path, { timeoutMs: LIST_TIMEOUT_MS });
      setOutlets(answer.outlets);
    } catch (error) {
      setFailure(failureFrom(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {failure && <FailureNotice title="They cannot be listed" failure={failure} />}
      {outlets && (
        <table className="plain" aria-label="All outlets">
          <thead>
            <tr>
              <th scope="col">Outlet</th>
              <th scope="col">Label</th>
              <th scope="col">State</th>
              <th scope="col">MAC addresses</th>
            </tr>
          </thead>
          <tbody>
            {outlets.map(({ outlet, label, state, macs }) => (
              <tr key={outlet}>
                <td>{outlet}</td>
                <td>{label ?? "–"}</td>
                <td>{state ?? "–"}</td>
                <td>{macs?.join(", ") ?? "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Button disabled={isBusy} onClick={() => void list()}>
        {isBusy ? "Asking the device…" : outlets ? "List again" : "List what the device has"}
      </Button>
    </>
  );
}

function Trust({ name }: { readonly name: string }) {
  const { can } = useSession();
  const [isAsked, setAsked] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  if (!can.configure) return null;
  const trust = async () => {
    setAsked(false);
    try {
      await ask(`hubs/${encodeURIComponent(name)}/trust`, { method: "POST" });
      setFailure(undefined);
      announce(`The device that answers next for ${name} is remembered`);
    } catch (error) {
      setFailure(failureFrom(error));
    }
  };
  return (
    <>
      {failure && <FailureNotice title="It was not accepted" failure={failure} />}
      <Button onClick={() => setAsked(true)}>Accept another device…</Button>
      {isAsked && (
        <Dialog
          title="Accept another device"
          onClose={() => setAsked(false)}
          onSubmit={() => void trust()}
          buttons={
            <>
              <Button type="button" onClick={() => setAsked(false)}>
                Cancel
              </Button>
              <Button type="submit" appearance="negative">
                Accept what answers next
              </Button>
            </>
          }
        >
          <p>
            The device that answers next for <strong>{name}</strong> will be taken for the right one. If it is another
            one, orders for its machines switch whatever hangs on that.
          </p>
        </Dialog>
      )}
    </>
  );
}
