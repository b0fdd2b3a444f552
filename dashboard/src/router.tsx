/** Addresses of the pages: what is shown is in the address, so that it can be kept, sent and gone back to. */
import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from "react";
import { addressOf, ROOT } from "./base.ts";

const CHANGED = "maasochist:navigated";

/** Below the dashboard's root, without a slash before it: `machines/nuc1`. */
function currentPath(): string {
  const { pathname } = window.location;
  return pathname.startsWith(ROOT.pathname) ? pathname.slice(ROOT.pathname.length).replace(/\/$/, "") : "";
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener(CHANGED, listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener(CHANGED, listener);
  };
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, currentPath);
}

export function useSearch(): URLSearchParams {
  return new URLSearchParams(useSyncExternalStore(subscribe, () => window.location.search));
}

export function navigate(path: string, { replace = false } = {}): void {
  const address = addressOf(path);
  if (address.href === window.location.href) return;
  const samePage = address.pathname === window.location.pathname;
  if (replace) window.history.replaceState(null, "", address);
  else window.history.pushState(null, "", address);
  window.dispatchEvent(new Event(CHANGED));
  if (!samePage) document.querySelector("main")?.scrollTo(0, 0);
}

/** Changes what the address says behind its question mark; undefined and "" take a key away. */
export function setSearch(changes: Readonly<Record<string, string | undefined>>): void {
  const search = new URLSearchParams(window.location.search);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === "") search.delete(key);
    else search.set(key, value);
  }
  const text = search.toString();
  navigate(`${currentPath()}${text === "" ? "" : `?${text}`}`, { replace: true });
}

export function machinePath(name: string, tab?: string): string {
  return `machines/${encodeURIComponent(name)}${tab === undefined ? "" : `?tab=${tab}`}`;
}

interface LinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  readonly to: string;
}

/** A link within the dashboard: opened without loading anew, unless the reader wants it in another tab. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return <a {...rest} href={addressOf(to).href} onClick={follow} />;
}
