/**
 * `http://192.168.1.2:5240/MAAS` of any address of that MAAS: the bare host, a page of its user interface, its API.
 * Undefined for what is no http or https address, and for one with a user in it: credentials do not belong there.
 */
export function maasBase(text: string): string | undefined {
  const given = text.trim();
  if (!/^https?:\/\//i.test(given) || !URL.canParse(given)) return undefined;
  const url = new URL(given);
  if (url.username !== "" || url.password !== "") return undefined;
  const before = /^(.*?\/MAAS)(?:\/|$)/.exec(url.pathname)?.[1] ?? url.pathname.replace(/(?:\/api\/[\d.]+)?\/*$/, "");
  return `${url.origin}${before === "" ? "/MAAS" : before}`;
}
