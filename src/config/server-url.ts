/** `server: { url: … }`: does it lead MAAS to where this daemon listens? */
import { isIP } from "node:net";
import { addressText, type ListenerSettings, mayReach } from "./listen.ts";
import type { Problems } from "./problem.ts";
import { isSecret, MASK, quoted, type Value } from "./value.ts";

interface UrlOptions {
  readonly listen: readonly ListenerSettings[];
  /** Does anything stand in front that the daemon knows of? */
  readonly proxied: boolean;
  readonly base: string;
  readonly value: Value;
  readonly problems: Problems;
}

export function checkUrl(text: string, options: UrlOptions): void {
  const { value, problems, base } = options;
  const { at } = value;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Before an @ may stand a password.
  if (text.includes("@")) at.source.hide(at);
  if (
    !url ||
    !/^https?:\/\//i.test(text) ||
    url.username !== "" ||
    url.password !== "" ||
    url.search !== "" ||
    url.hash !== ""
  ) {
    problems.error(at, {
      code: "bad-url",
      message: `${quoted(value)} is no address such as http://192.168.1.10:6227`,
      hint: "Scheme, host and port, without user, query and fragment: MAAS is given paths below it.",
    });
    return;
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) === 0 || host.startsWith("127.") || host === "::1") {
    problems.warning(at, {
      code: "url-not-polled",
      message: `MAAS does not poll ${shown(value, host)} in the background: it needs a literal IP address in a subnet of a rack controller`,
      hint: "Use this host's address in the rack's subnet.",
    });
  }
  const path = url.pathname.replace(/\/+$/, "");
  if (base !== "" && path !== "" && path !== base) {
    problems.warning(at, {
      code: "url-listen",
      message: `the url leads below ${shown(value, path)}, and \`base_path\` is ${base}`,
      hint: "Make them one, unless a proxy in front changes the path.",
    });
  }
  checkListeners(url, host, options);
}

function checkListeners(url: URL, host: string, { listen, proxied, value, problems }: UrlOptions): void {
  const { at } = value;
  const isTls = url.protocol === "https:";
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  const serving = listen.filter(({ serve }) => serve.includes("maas"));
  const tcp = serving.flatMap(({ address, tls }) => (address.kind === "tcp" ? [{ address, tls }] : []));
  // With port 0 the system chooses one: it may be this, unless the url is that of a proxy.
  const there = tcp.filter(
    ({ address }) => (address.port === port || (address.port === 0 && !proxied)) && mayReach(address.host, host),
  );
  const [first] = there;
  if (first) {
    if (there.some(({ tls }) => (tls !== undefined) === isTls)) return;
    problems.error(at, {
      code: "url-tls",
      message: isTls
        ? `the url is https, and ${addressText(first.address)} speaks no TLS`
        : `the url is http, and ${addressText(first.address)} speaks TLS`,
      hint: isTls
        ? "Write http, or give it a certificate: `tls: { cert: cert.pem, key: key.pem }`."
        : "Write https: MAAS does not check the certificate unless it is told to (`Verify SSL connections`).",
    });
    return;
  }
  if (proxied || serving.length === 0 || (tcp.length < serving.length && !isTls)) return;
  if (isTls && serving.every(({ tls }) => tls === undefined)) {
    problems.warning(at, {
      code: "url-listen",
      message: "the url is https, and nothing here speaks TLS",
      hint: "Use http, or `tls:`; or name the proxy in front, which must not redirect: `trusted_proxies: [127.0.0.1]`.",
    });
  } else if (tcp.length === serving.length) {
    problems.warning(at, {
      code: "url-listen",
      message: `nothing listens on ${shown(value, `${url.hostname}:${port}`)}, where the url sends MAAS`,
      hint: `\`listen:\` has ${tcp.map(({ address }) => addressText(address)).join(", ")}.`,
    });
  }
}

/** What was made of a value, unless it is a secret. */
function shown(value: Value, made: string): string {
  return value.kind === "scalar" && isSecret(value) ? MASK : made;
}
