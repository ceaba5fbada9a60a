import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Authenticator, type AuthenticatorState, type SecondFactor } from '../model/authenticator.ts';
import { SaasError } from '../model/error.ts';

/** An {@link Authenticator} whose secret is in a file that only its owner reads, with the last code's time, until the next process. */
export function storedAuthenticator(file: string): SecondFactor {
  const keep = async (state: AuthenticatorState): Promise<void> => {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, JSON.stringify(state), { mode: 0o600 });
  };
  return {
    enrol: (secret) => keep({ secret, given: 0 }),
    async code() {
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text === undefined)
        throw new SaasError(
          'authenticator_unknown',
          "the user's authenticator app is not in this environment's state",
          {
            hint: 'give a code of it: --mfa-code, with the password in SAAS_ECS_PASSWORD; or: saas-ecs users reset-mfa',
          },
        );
      const authenticator = new Authenticator(JSON.parse(text) as AuthenticatorState);
      const code = await authenticator.code();
      await keep(authenticator.state);
      return code;
    },
  };
}
