import Button from "@canonical/react-components/dist/esm/components/Button";
import { useState } from "react";
import { ask, failureFrom } from "../api/client.ts";
import type { Failure, MachineDetails, OrderRecord, Step } from "../api/types.ts";
import { Ago } from "../parts/ago.tsx";
import { Card, Facts } from "../parts/facts.tsx";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { useNow } from "../state/now.ts";
import { useSession } from "../state/use-session.ts";
import { clock, duration } from "../words/time.ts";
import { actorName, VERB_WORDS } from "../words/words.ts";

interface Props {
  readonly order: OrderRecord;
  readonly details: MachineDetails | undefined;
}

/** An order under way, or how the last one went: everything that was done and seen. */
export function OrderCard({ order, details }: Props) {
  const { verb, how, actor, reason, acceptedAt, endedAt, error, repeats, joined, forced, degraded, unjournalled } =
    order;
  const isOver = endedAt !== undefined;
  return (
    <Card title={isOver ? "Last action" : "Under way"}>
      {!isOver && <Progress order={order} details={details} />}
      {error && <FailureNotice title={`${VERB_WORDS[verb].name} failed`} failure={error} />}
      <Facts
        facts={[
          [
            "Action",
            `${VERB_WORDS[verb].name}${how === undefined ? "" : `, ${how}`}${forced ? ", past its protection" : ""}`,
          ],
          [
            "By",
            [actorName(actor), actor.agent?.startsWith("MAAS") && actor.agent, actor.address]
              .filter(Boolean)
              .join(" · "),
          ],
          ["Reason", reason],
          ["Asked", repeats > 0 && `${repeats + 1} times`],
          ["Joined by", joined.map(actorName).join(", ")],
          ["Began", <Ago key="began" at={acceptedAt} />],
          ["Outcome", isOver && outcomeOf(order)],
          ["Took", isOver && duration(endedAt - acceptedAt)],
          ["Degraded", degraded?.join("; ")],
          ["Journal", unjournalled && "could not be written when it began"],
        ]}
      />
      <Steps order={order} />
    </Card>
  );
}

function outcomeOf({ state, grade, proof }: OrderRecord): string {
  if (state !== "done") return state.replace("_", " ");
  const evidence = proof?.evidence.join(", ") ?? "";
  return `done, ${grade ?? "not proven"}${evidence === "" ? "" : `: ${evidence}`}`;
}

function Progress({ order, details }: Props) {
  const { can } = useSession();
  const [failure, setFailure] = useState<Failure>();
  const elapsed = useNow((now) => Math.max(0, Math.floor((now - order.acceptedAt) / 1_000) * 1_000));
  const limit = (details?.stages ?? []).reduce((sum, { verb, wait }) => (verb === order.verb ? sum + wait : sum), 0);
  const words = order.waitingFor === undefined ? `${VERB_WORDS[order.verb].doing}…` : `Waiting for ${order.waitingFor}`;
  const cancel = () =>
    ask(`orders/${order.id}/cancel`, { method: "POST" }).then(
      () => setFailure(undefined),
      (error: unknown) => setFailure(failureFrom(error)),
    );
  return (
    <div className="progress">
      <p className="progress__words">
        {words}{" "}
        <span className="u-text--muted">
          {duration(elapsed)}
          {limit > 0 && ` of at most ${duration(limit)}`}
        </span>
        {can.order && (
          <Button dense className="progress__cancel u-no-margin--bottom" onClick={() => void cancel()}>
            Cancel
          </Button>
        )}
      </p>
      {limit > 0 ? (
        <progress aria-label={words} max={limit} value={Math.min(elapsed, limit)} />
      ) : (
        <progress aria-label={words} />
      )}
      {failure && <FailureNotice title="It could not be cancelled" failure={failure} />}
    </div>
  );
}

/** Oldest first: it is read as a story. */
function Steps({ order: { steps, acceptedAt } }: { readonly order: OrderRecord }) {
  if (steps.length === 0) return null;
  return (
    <ol className="steps" aria-label="What was done and seen">
      {folded(steps).map(({ step: { at, what, text, error }, times }) => (
        <li key={`${at} ${what} ${text}`}>
          <time dateTime={new Date(at).toISOString()} title={clock(at)}>
            {duration(at - acceptedAt)}
          </time>
          <span className="steps__what">{what}</span>
          <span>
            {text}
            {error && <span className="steps__error"> {error.message}</span>}
            {times > 1 && <span className="steps__times"> {times}×</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

interface Folded {
  /** The first of those that say the same in a row. */
  readonly step: Step;
  readonly times: number;
}

function folded(steps: readonly Step[]): readonly Folded[] {
  const found: Folded[] = [];
  for (const step of steps) {
    const last = found.at(-1);
    const isSame =
      last?.step.what === step.what && last.step.text === step.text && last.step.error?.message === step.error?.message;
    if (last && isSame) found[found.length - 1] = { ...last, times: last.times + 1 };
    else found.push({ step, times: 1 });
  }
  return found;
}
