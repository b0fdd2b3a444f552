import Button from "@canonical/react-components/dist/esm/components/Button";
import Notification from "@canonical/react-components/dist/esm/components/Notifications/Notification";
import { useState } from "react";
import { ask, askText, failureFrom } from "../api/client.ts";
import type { Configuration, Failure, Reload } from "../api/types.ts";
import { Ago } from "../parts/ago.tsx";
import { Facts } from "../parts/facts.tsx";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { Loading } from "../parts/loading.tsx";
import { TextView } from "../parts/text-view.tsx";
import { useAnswer } from "../parts/use-answer.ts";
import { usePageTitle } from "../parts/use-page-title.ts";
import { announce } from "../state/announce.ts";
import { useSession } from "../state/use-session.ts";
import { useStore } from "../state/use-store.ts";
import { clock } from "../words/time.ts";
import { number } from "../words/words.ts";
import { ProblemList } from "./problem-list.tsx";

export default function ConfigurationPage() {
  usePageTitle("Configuration");
  const status = useStore((state) => state.status);
  const { value, failure, again } = useAnswer<Configuration>("configuration", status);
  return (
    <>
      <header className="page-head">
        <h1 className="p-heading--3">Configuration</h1>
      </header>
      {failure && <FailureNotice title="It cannot be shown" failure={failure} />}
      {!value && !failure && <Loading what="configuration" />}
      {value && <Shown configuration={value} onChanged={again} />}
    </>
  );
}

interface Props {
  readonly configuration: Configuration;
  readonly onChanged: () => void;
}

function Shown({ configuration: { file, loadedAt, problems, warnings, invalid }, onChanged }: Props) {
  const errors = problems.filter(({ severity }) => severity === "error");
  const others = [...problems.filter(({ severity }) => severity !== "error"), ...warnings];
  return (
    <>
      {invalid && (
        <Notification severity="negative" title="The file is not valid">
          What runs is the configuration of {clock(loadedAt)}, from before. Correct the file; it is taken over by itself
          then.
        </Notification>
      )}
      <Facts
        facts={[
          ["File", file === null ? "none: this is the demonstration" : <code key="file">{file}</code>],
          ["Runs since", <Ago key="since" at={loadedAt} />],
          ["State", invalid ? number(errors.length, "error") : `valid, ${number(others.length, "warning")}`],
        ]}
      />
      {errors.length > 0 && <ProblemList title="Errors" problems={errors} />}
      {others.length > 0 && <ProblemList title="Warnings" problems={others} />}
      {file !== null && <Reloading onChanged={onChanged} />}
      <Resolved key={loadedAt} />
    </>
  );
}

/** Looks first, then takes over. */
function Reloading({ onChanged }: { readonly onChanged: () => void }) {
  const { can } = useSession();
  const [result, setResult] = useState<Reload>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const reload = async (dryRun: boolean) => {
    setBusy(true);
    try {
      const answer = await ask<Reload>("configuration/reload", { method: "POST", body: { dry_run: dryRun } });
      setResult(answer);
      setFailure(undefined);
      announce(answer.applied ? "The configuration was reloaded" : differenceWords(answer));
      if (answer.applied) onChanged();
    } catch (error) {
      setFailure(failureFrom(error));
    } finally {
      setBusy(false);
    }
  };
  const isValid = result !== undefined && !result.problems.some(({ severity }) => severity === "error");
  return (
    <section aria-label="Reload">
      <h2 className="card__title">Reload</h2>
      <p>Changes to the file are seen and taken over by themselves. Here you see first what one would do.</p>
      {failure && <FailureNotice title="It was not reloaded" failure={failure} />}
      {result && <Difference reload={result} />}
      <p className="button-row">
        <Button disabled={isBusy || !can.configure} onClick={() => void reload(true)}>
          Check the file
        </Button>
        <Button
          appearance="positive"
          disabled={isBusy || !can.configure || !isValid || result.applied}
          onClick={() => void reload(false)}
        >
          Reload
        </Button>
        {!can.configure && <span className="u-text--muted">Only an admin may reload.</span>}
      </p>
    </section>
  );
}

const SAME = "The file says what runs already.";

function changesNothing({ difference, restart }: Reload): boolean {
  const { added = [], changed = [], removed = [] } = difference ?? {};
  return added.length + changed.length + removed.length + restart.length === 0;
}

function differenceWords(reload: Reload): string {
  if (changesNothing(reload)) return SAME;
  const { added = [], changed = [], removed = [] } = reload.difference ?? {};
  return [
    added.length > 0 && `${number(added.length, "machine")} added`,
    changed.length > 0 && `${number(changed.length, "machine")} changed`,
    removed.length > 0 && `${number(removed.length, "machine")} removed`,
    reload.restart.length > 0 && "settings that only a restart takes over",
  ]
    .filter(Boolean)
    .join(", ");
}

function Difference({ reload }: { readonly reload: Reload }) {
  const { applied, difference, restart, problems } = reload;
  const errors = problems.filter(({ severity }) => severity === "error");
  const isSame = changesNothing(reload);
  if (errors.length > 0) return <ProblemList title="The file is not valid" problems={errors} />;
  return (
    <div className="difference" role="status">
      <p>
        {!isSame && <strong>{applied ? "Taken over: " : "A reload would change: "}</strong>}
        {isSame ? SAME : differenceWords(reload)}
      </p>
      <Facts
        facts={[
          ["Added", difference?.added.join(", ")],
          ["Changed", difference?.changed.join(", ")],
          ["Removed", difference?.removed.join(", ")],
          ["Only by a restart", restart.join(", ")],
        ]}
      />
    </div>
  );
}

function Resolved() {
  const [text, setText] = useState<string>();
  const [failure, setFailure] = useState<Failure>();
  const show = () =>
    askText("configuration/resolved").then(setText, (error: unknown) => setFailure(failureFrom(error)));
  return (
    <section aria-label="Resolved configuration">
      <h2 className="card__title">Resolved</h2>
      <p>What runs, after profiles, ranges and defaults. Secrets are not shown.</p>
      {failure && <FailureNotice title="It cannot be shown" failure={failure} />}
      {text === undefined ? (
        <Button onClick={() => void show()}>Show it</Button>
      ) : (
        <TextView text={text} what="the resolved configuration" numbered />
      )}
    </section>
  );
}
