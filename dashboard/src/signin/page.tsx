import Button from "@canonical/react-components/dist/esm/components/Button";
import Input from "@canonical/react-components/dist/esm/components/Input";
import { type SyntheticEvent, useState } from "react";
import { ApiError, failureFrom } from "../api/client.ts";
import type { Failure } from "../api/types.ts";
import { addressOf } from "../base.ts";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { usePageTitle } from "../parts/use-page-title.ts";
import { type Credential, signIn } from "../state/session.ts";
import { duration } from "../words/time.ts";

export default function SignInPage() {
  usePageTitle("Sign in");
  const [withToken, setWithToken] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (key: string) => {
      const typed = form.get(key);
      return typeof typed === "string" ? typed : "";
    };
    const credential: Credential = withToken
      ? { token: text("token").trim() }
      : { name: text("name"), password: text("password") };
    setBusy(true);
    setFailure(undefined);
    try {
      await signIn(credential);
    } catch (error) {
      setFailure(wordsFor(error));
      setBusy(false);
    }
  };

  return (
    <main className="alone">
      <h1 className="alone__brand p-heading--3">
        <img src={addressOf("icon.svg").href} alt="" width="32" height="32" /> MAASochist
      </h1>
      <form className="alone__card" onSubmit={(event) => void submit(event)}>
        <h2 className="p-heading--4">Sign in</h2>
        {failure && <FailureNotice title="Not signed in" failure={failure} />}
        {withToken ? (
          <Input
            key="token"
            type="password"
            name="token"
            label="Token"
            required
            autoComplete="off"
            help="Where no user is configured the daemon made a token on its first start: it prints it, and keeps it in the file maasochist.token beside its database."
          />
        ) : (
          <>
            <Input
              key="name"
              type="text"
              name="name"
              label="Name"
              required
              autoComplete="username"
              autoCapitalize="none"
            />
            <Input
              key="password"
              type="password"
              name="password"
              label="Password"
              required
              autoComplete="current-password"
            />
          </>
        )}
        <Button type="submit" appearance="positive" disabled={isBusy}>
          {isBusy ? "Signing in…" : "Sign in"}
        </Button>
        <Button
          type="button"
          appearance="link"
          onClick={() => {
            setWithToken(!withToken);
            setFailure(undefined);
          }}
        >
          {withToken ? "With name and password instead" : "With a token instead"}
        </Button>
      </form>
      <p className="alone__foot">
        <a href={addressOf("licenses.txt").href}>Licences</a>
      </p>
    </main>
  );
}

function wordsFor(error: unknown): Failure {
  const failure = failureFrom(error);
  if (!(error instanceof ApiError)) return failure;
  if (error.status === 429 && error.retryAfter !== undefined)
    return { ...failure, hint: `Try again in ${duration(error.retryAfter * 1_000)}.` };
  return failure;
}
