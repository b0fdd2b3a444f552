/**
 * Orders that come at the same moment are taken a few at a time. Each is written down and set going before it is answered:
 * a thousand of them in one go would keep whoever only asks waiting for a tenth of a second.
 */
const AT_ONCE = 8;

const waiting: (() => void)[] = [];

/** Resolves when it is the caller's turn, in the order in which they came; soon, where nobody else waits. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(letIn);
  });
}

function letIn(): void {
  for (const resolve of waiting.splice(0, AT_ONCE)) resolve();
  if (waiting.length > 0) setImmediate(letIn);
}
