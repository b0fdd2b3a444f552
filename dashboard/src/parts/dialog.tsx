import { type ReactNode, type SyntheticEvent, useEffect, useId, useRef } from "react";

interface Props {
  readonly title: string;
  readonly children: ReactNode;
  /** Buttons, from the harmless to the decisive. */
  readonly buttons: ReactNode;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
}

/** The browser's own dialog: it keeps the focus within, gives it back, and ends on Escape. */
export function Dialog({ title, children, buttons, onSubmit, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <form method="dialog" onSubmit={submit} className="dialog__form">
        <header className="dialog__head">
          <h2 className="p-heading--4" id={titleId}>
            {title}
          </h2>
          <button type="button" className="dialog__close p-button--base has-icon" aria-label="Close" onClick={onClose}>
            <i className="p-icon--close" />
          </button>
        </header>
        <div className="dialog__body">{children}</div>
        <footer className="dialog__foot">{buttons}</footer>
      </form>
    </dialog>
  );
}
