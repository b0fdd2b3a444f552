/** Light or dark: as the system has it, unless the reader chose. */
import { useSyncExternalStore } from "react";

const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "maasochist:theme";
const listeners = new Set<() => void>();

function kept(): Theme {
  try {
    const found = window.localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === found) ?? "auto";
  } catch {
    // Browsers may forbid to keep anything.
    return "auto";
  }
}

let current = kept();

function apply(): void {
  const { classList } = document.documentElement;
  classList.toggle("is-light", current === "light");
  classList.toggle("is-dark", current === "dark");
}

export function setTheme(theme: Theme): void {
  current = theme;
  try {
    window.localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is left.
  }
  apply();
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

apply();
