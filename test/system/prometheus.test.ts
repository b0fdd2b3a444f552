/** Prometheus's own judgement of what it is given: promtool reads the scrape, the rules, and plays them. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Place } from "../cli/cli.ts";
import { describeWith, missing, pathOf } from "./need.ts";

const RULES = join(import.meta.dirname, "../../contrib/prometheus/alerts.yaml");
const PROMTOOL = pathOf("promtool") ?? "promtool";

/** Series by minute, and the alerts that must burn at a time, by name, with the labels that they must have. */
const PLAYED = `
rule_files: [${RULES}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - { series: 'up{job="maasochist", instance="a:1"}', values: "1x5 0x10" }
      - { series: 'maasochist_hub_failing{hub="pdu", driver="snmp-pdu"}', values: "0x5 1x15" }
      - { series: 'maasochist_orders_total{verb="on", result="failed", code="unreachable"}', values: "0+1x20" }
      - { series: 'maasochist_orders_total{verb="on", result="done", code=""}', values: "0+5x20" }
      - { series: 'maasochist_problem{part="journal"}', values: "0x10 1x10" }
      - { series: 'maasochist_problem{part="memory"}', values: "0x20" }
      - { series: 'maasochist_order_duration_seconds_bucket{verb="off", result="done", le="120"}', values: "0x20" }
      - { series: 'maasochist_order_duration_seconds_bucket{verb="off", result="done", le="180"}', values: "0+1x20" }
      - { series: 'maasochist_order_duration_seconds_bucket{verb="off", result="done", le="+Inf"}', values: "0+1x20" }
      - { series: 'maasochist_maas_last_request_timestamp_seconds', values: "60x40" }
    alert_rule_test:
      - { eval_time: 5m, alertname: MaasochistDown, exp_alerts: [] }
      - { eval_time: 9m, alertname: MaasochistDown, exp_alerts: [{ exp_labels: { severity: critical, job: maasochist, instance: "a:1" }, exp_annotations: { summary: MAASochist does not answer, description: "Prometheus cannot scrape a:1. MAAS cannot switch its machines while the daemon is down." } }] }
      - { eval_time: 9m, alertname: MaasochistHubFailing, exp_alerts: [] }
      - { eval_time: 12m, alertname: MaasochistHubFailing, exp_alerts: [{ exp_labels: { severity: warning, hub: pdu, driver: snmp-pdu }, exp_annotations: { summary: The hub pdu does not answer, description: "Every exchange with it (snmp-pdu) has failed for 5 minutes; machines on it cannot be switched." } }] }
      - { eval_time: 1m, alertname: MaasochistOrdersFailing, exp_alerts: [] }
      - { eval_time: 15m, alertname: MaasochistOrdersFailing, exp_alerts: [{ exp_labels: { severity: warning, verb: "on", code: unreachable }, exp_annotations: { summary: "Orders fail: on, unreachable", description: At least 3 in 15 minutes. docs/errors.md tells what the code means. } }] }
      - { eval_time: 13m, alertname: MaasochistProblem, exp_alerts: [{ exp_labels: { severity: critical, part: journal }, exp_annotations: { summary: Something is wrong with the journal, description: "\`maasochist doctor\` and the log of  tell what." } }] }
      - { eval_time: 20m, alertname: MaasochistOrdersSlow, exp_alerts: [{ exp_labels: { severity: warning, verb: "off" }, exp_annotations: { summary: One order in ten takes longer than 2 minutes, description: 'MAAS is told "under way" after 100 s. Look for the slow hub or machine in the journal.' } }] }
      - { eval_time: 10m, alertname: MaasochistMaasSilent, exp_alerts: [] }
      - { eval_time: 25m, alertname: MaasochistMaasSilent, exp_alerts: [{ exp_labels: { severity: warning }, exp_annotations: { summary: MAAS asks no more, description: "MAAS polls every 5 minutes what it may; its last request came 24m 0s ago." } }] }
`;

async function promtool(...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(PROMTOOL, args);
  return stdout + stderr;
}

describeWith(missing({ promtool: "prometheus" }))("promtool", () => {
  test("finds nothing to say against a scrape", async () => {
    await using place = await Place.serving("  a: { driver: simulated, boot: 0s }\n", "metrics: { from: [127.0.0.1] }");
    await fetch(`${place.url}/metrics`);
    const text = await (await fetch(`${place.url}/metrics`)).text();
    expect(text).toContain("maasochist_build_info");
    const checking = spawn(PROMTOOL, ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
    checking.stdin.end(text);
    const said = await checking.stderr.toArray();
    if (checking.exitCode === null) await once(checking, "close");
    expect(Buffer.concat(said as Buffer[]).toString()).toBe("");
    expect(checking.exitCode).toBe(0);
  });

  test("reads the alert rules", async () => {
    expect(await promtool("check", "rules", RULES)).toMatch(/SUCCESS: \d+ rules found/);
  });

  test("sees alerts burn when they must, and not before", async () => {
    const folder = mkdtempSync(join(tmpdir(), "maasochist-rules-"));
    try {
      writeFileSync(join(folder, "played.yaml"), PLAYED);
      expect(await promtool("test", "rules", join(folder, "played.yaml"))).toContain("SUCCESS");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
