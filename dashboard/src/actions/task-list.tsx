import { Glyph } from "../parts/glyph.tsx";
import { Marked } from "../parts/marked.tsx";
import { dismiss, type Task, taskWords, useTasks } from "./tasks.ts";

const MOST_FAILURES = 5;

/** What is under way, in a corner. A screen reader is told by the announcements. */
export function TaskList() {
  const tasks = useTasks();
  if (tasks.length === 0) return null;
  return (
    <section className="tasks" aria-label="What was asked for">
      {tasks.map((task) => (
        <TaskCard key={task.id} task={task} />
      ))}
    </section>
  );
}

function TaskCard({ task }: { readonly task: Task }) {
  const { id, total, ended, failed } = task;
  const isOver = ended === total;
  const look = failed.length > 0 ? "is-failed" : isOver ? "is-done" : "is-running";
  return (
    <div className={`task ${look}`}>
      <div className="task__head">
        <Glyph
          name={failed.length > 0 ? "error" : isOver ? "check" : "busy"}
          className={`state-glyph ${failed.length > 0 ? "is-error" : isOver ? "is-on" : "is-busy"}`}
        />
        <span className="task__words">{taskWords(task)}</span>
        <button
          type="button"
          className="p-button--base has-icon is-dense task__close"
          aria-label="Do not show this any more"
          onClick={() => dismiss(id)}
        >
          <i className="p-icon--close" />
        </button>
      </div>
      {!isOver && total > 1 && (
        <progress className="task__bar" value={ended} max={total} aria-label={taskWords(task)} />
      )}
      {failed.length > 0 && (
        <ul className="task__failures">
          {failed.slice(0, MOST_FAILURES).map(({ machine, failure }) => (
            <li key={machine}>
              <strong>{machine}</strong>: <Marked text={failure.message} />
              {failure.hint !== "" && (
                <span className="task__hint">
                  <Marked text={failure.hint} />
                </span>
              )}
            </li>
          ))}
          {failed.length > MOST_FAILURES && <li>and {failed.length - MOST_FAILURES} more; the events tell of each</li>}
        </ul>
      )}
    </div>
  );
}
