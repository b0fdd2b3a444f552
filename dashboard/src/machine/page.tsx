import Notification from "@canonical/react-components/dist/esm/components/Notifications/Notification";
import { lazy, Suspense } from "react";
import type { Machine, MachineDetails } from "../api/types.ts";
import { Power } from "../machines/power-cell.tsx";
import { Ago } from "../parts/ago.tsx";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { Loading } from "../parts/loading.tsx";
import { NotThere } from "../parts/not-there.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { useAnswer } from "../parts/use-answer.ts";
import { usePageTitle } from "../parts/use-page-title.ts";
import { Link, machinePath, useSearch } from "../router.tsx";
import { useStore } from "../state/use-store.ts";
import { headline } from "../words/words.ts";
import { Buttons } from "./buttons.tsx";
import { Summary } from "./summary.tsx";

const MaasTab = lazy(() => import("./maas-tab.tsx"));
const ConfigurationTab = lazy(() => import("./configuration-tab.tsx"));
const EventsTab = lazy(() => import("./events-tab.tsx"));

const TABS = [
  { key: "", title: "Summary" },
  { key: "maas", title: "MAAS settings" },
  { key: "configuration", title: "Configuration" },
  { key: "events", title: "Events" },
] as const;

export default function MachinePage({ name }: { readonly name: string }) {
  usePageTitle(name);
  const isKnown = useStore((state) => state.machines !== undefined);
  const machine = useStore((state) => state.machines?.get(name));
  if (!isKnown) return <Loading what="machine" />;
  if (!machine) return <NotThere what="machine" name={name} to="" />;
  return <Shown machine={machine} />;
}

function Shown({ machine }: { readonly machine: Machine }) {
  const { name } = machine;
  const configuredAt = useStore((state) => state.status?.configuredAt);
  const { value: details, failure } = useAnswer<MachineDetails>(`machines/${encodeURIComponent(name)}`, configuredAt);
  const wanted = useSearch().get("tab") ?? "";
  const tab = TABS.find(({ key }) => key === wanted)?.key ?? "";
  return (
    <>
      <header className="machine-head">
        <p className="machine-head__path">
          <Link to="">Machines</Link> /
        </p>
        <div className="machine-head__title">
          <h1 className="p-heading--3">{name}</h1>
          <span className="machine-head__state">
            <Power machine={machine} words={headline} />
          </span>
        </div>
        {machine.description !== undefined && <p className="machine-head__note">{machine.description}</p>}
        <Buttons machine={machine} />
      </header>
      <Notices machine={machine} />
      <Tabs
        label="Parts of this page"
        tabs={TABS.map(({ key, title }) => ({
          to: machinePath(name, key === "" ? undefined : key),
          title,
          isHere: key === tab,
        }))}
      />
      {failure && <FailureNotice title="Its details cannot be shown" failure={failure} />}
      <Suspense fallback={<Loading what="page" />}>
        {tab === "" && <Summary machine={machine} details={details} />}
        {tab === "maas" && <MaasTab machine={machine} />}
        {tab === "configuration" && <ConfigurationTab details={details} />}
        {tab === "events" && <EventsTab name={name} />}
      </Suspense>
    </>
  );
}

function Notices({ machine: { error, lock, enabled } }: { readonly machine: Machine }) {
  return (
    <>
      {error && <FailureNotice title="Its power cannot be read" failure={error} />}
      {lock && (
        <Notification
          severity="information"
          title="This machine is locked. You have to unlock it to perform any actions."
        >
          {lock.by}, <Ago at={lock.at} />: {lock.reason}
        </Notification>
      )}
      {!enabled && (
        <Notification severity="information" title="This machine is disabled.">
          The configuration has <code>enabled: false</code> for it: it is read, but takes no orders.
        </Notification>
      )}
    </>
  );
}
