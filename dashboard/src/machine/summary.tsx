import type { Machine, MachineDetails, Reading } from "../api/types.ts";
import { Ago } from "../parts/ago.tsx";
import { Card, Facts } from "../parts/facts.tsx";
import { Link } from "../router.tsx";
import { OrderCard } from "./order-card.tsx";
import { Stages } from "./stages.tsx";

interface Props {
  readonly machine: Machine;
  readonly details: MachineDetails | undefined;
}

export function Summary({ machine, details }: Props) {
  const { order, lastOrder, polled } = machine;
  return (
    <div className="cards-columns">
      <div className="cards-column">
        <Card title="Power">
          <PowerFacts machine={machine} />
        </Card>
        <Card title="How it is switched">
          {details ? <Stages details={details} /> : <p className="card__none">…</p>}
        </Card>
      </div>
      <div className="cards-column">
        {order ? (
          <OrderCard key={order.id} order={order} details={details} />
        ) : lastOrder ? (
          <OrderCard key={lastOrder.id} order={lastOrder} details={details} />
        ) : (
          <Card title="Last action">
            <p className="card__none">Nobody has switched it yet.</p>
          </Card>
        )}
        <Card title="Machine">
          <Facts
            facts={[
              ["Address", machine.address],
              ["MAC address", machine.mac?.join(", ")],
              ["Drivers", machine.drivers.join(", ")],
              ["Hubs", machine.hubs.length > 0 && <HubLinks hubs={machine.hubs} />],
              ["Tags", machine.tags.join(", ")],
              [
                "Protected",
                machine.protect === "nobody"
                  ? undefined
                  : `off, cycle and reset are refused to ${machine.protect === "all" ? "all" : "people"}`,
              ],
              ["Polled by MAAS", polled ? <Ago key="polled" at={polled.at} /> : "not since the daemon started"],
              ["By", polled && [polled.agent, polled.address].filter(Boolean).join(" at ")],
              ["System ID", polled?.systemId],
            ]}
          />
        </Card>
      </div>
    </div>
  );
}

function HubLinks({ hubs }: { readonly hubs: readonly string[] }) {
  return hubs.map((hub, index) => (
    <span key={hub}>
      {index > 0 && ", "}
      <Link to={`hubs/${encodeURIComponent(hub)}`}>{hub}</Link>
    </span>
  ));
}

const CONFIDENCE: Readonly<Record<Reading["confidence"], string>> = {
  measured: "measured",
  assumed: "assumed: nothing measured it",
  stale: "stale: it was measured, but is older than it should be",
};

function PowerFacts({ machine: { reading, error } }: { readonly machine: Machine }) {
  if (!reading)
    return <p className="card__none">{error ? "It was never read." : "It is being read for the first time."}</p>;
  const { state, confidence, evidence, reason, startedAt, watts, fed, outlets, towards } = reading;
  return (
    <Facts
      facts={[
        [error ? "Last known" : "State", `${state}, ${CONFIDENCE[confidence]}`],
        [
          "Evidence",
          evidence.length > 0 && (
            <ul className="facts__list">
              {evidence.map((fact) => (
                <li key={fact}>{fact}</li>
              ))}
            </ul>
          ),
        ],
        ["Why", reason],
        ["On its way", towards && `to ${towards}, as the device says`],
        ["Checked", <Ago key="checked" at={startedAt} />],
        ["Draws", watts !== undefined && `${watts.toLocaleString("en", { maximumFractionDigits: 1 })} W`],
        ["Current", fed === undefined ? undefined : fed ? "reaches it" : "does not reach it"],
        [
          "Supply",
          outlets && (
            <ul className="facts__list">
              {outlets.map((outlet) => (
                <li key={outlet.label}>
                  {outlet.label}: {outlet.state}
                </li>
              ))}
            </ul>
          ),
        ],
      ]}
    />
  );
}
