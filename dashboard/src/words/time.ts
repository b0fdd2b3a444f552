/** Times as people say them. */

/** `now`, `4 s ago`, `2 min ago`, `3 h ago`, `5 d ago`. */
export function ago(time: number, now: number): string {
  const seconds = Math.round((now - time) / 1_000);
  if (seconds < 1) return "now";
  return `${duration(seconds * 1_000)} ago`;
}

/** `0.8 s`, `12 s`, `2 min`, `3 h`, `5 d`: one unit, rounded down. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000 && ms % 1_000 !== 0) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** `10:42:07`, local. */
export function clock(time: number): string {
  const date = new Date(time);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `2026-11-23 10:42:07`, local. */
export function dateAndTime(time: number): string {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(time)}`;
}

/** The time alone for today, else the date with it. */
export function dateOrTime(time: number, now: number): string {
  return new Date(time).toDateString() === new Date(now).toDateString() ? clock(time) : dateAndTime(time);
}
