/** The sign-in pages: password, new password, authenticator app set up and asked for, and what went wrong. */
import type { Reply } from './exchange.ts';
import { type Html, html, page, policySource } from './html.ts';

/** What every form of a sign-in carries. */
export interface FormFrame {
  /** The address that the form posts to: the sign-in page's own, with the app's request. */
  action: string;
  secret: string;
  cookies: readonly string[];
  /** The app's address, where the browser goes in the end. */
  redirectUri: string;
  problem: string | undefined;
}

/** What a challenge's form gives back. */
export interface ChallengeFrame extends FormFrame {
  challenge: string;
  session: string;
  username: string;
}

const problemOf = (problem: string | undefined): Html =>
  problem === undefined ? html`` : html`<p class="problem" role="alert">${problem}</p>`;

const form = (frame: FormFrame, title: string, before: Html, fields: Html, button: string): Reply =>
  page(
    frame.problem === undefined ? 200 : 400,
    title,
    html`${problemOf(frame.problem)}${before}
<form method="post" action="${frame.action}">
<input type="hidden" name="_csrf" value="${frame.secret}">
${fields}
<button type="submit">${button}</button>
</form>`,
    { formTargets: [policySource(frame.redirectUri)], cookies: frame.cookies },
  );

/** `providers`: the buttons, each with where it leads. */
export function signInPage(
  frame: FormFrame,
  options: {
    passwords: boolean;
    username: string;
    providers: readonly { name: string; address: string }[];
  },
): Reply {
  const buttons = options.providers.map(
    ({ name, address }) => html`<a class="button" href="${address}">Continue with ${name}</a>\n`,
  );
  if (!options.passwords) {
    const none = html`<p>Sign-in is not available: the app client has no identity provider. Please contact an administrator.</p>`;
    return page(
      buttons.length > 0 ? 200 : 400,
      'Sign in',
      html`${problemOf(frame.problem)}${buttons.length > 0 ? buttons : none}`,
      { cookies: frame.cookies },
    );
  }
  return form(
    frame,
    'Sign in',
    html`${buttons}`,
    html`<label for="username">Username</label>
<input id="username" name="username" value="${options.username}" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>`,
    'Sign in',
  );
}

const carried = ({ challenge, session, username }: ChallengeFrame): Html =>
  html`<input type="hidden" name="challenge" value="${challenge}">
<input type="hidden" name="session" value="${session}">
<input type="hidden" name="username" value="${username}">`;

/** `attributes`: those that the pool demands and the user lacks. */
export const newPasswordPage = (frame: ChallengeFrame, attributes: readonly string[]): Reply =>
  form(
    frame,
    'Choose a new password',
    html`<p>Your password was temporary. Please choose one of your own.</p>`,
    html`${carried(frame)}
${attributes.map(
  (name) => html`<label for="attribute-${name}">${name.replace(/^custom:/, '').replaceAll('_', ' ')}</label>
<input id="attribute-${name}" name="userAttributes.${name}" required>\n`,
)}<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required autofocus>
<label for="repeated">New password, again</label>
<input id="repeated" name="repeated" type="password" autocomplete="new-password" required>`,
    'Change password',
  );

const codeField = html`<label for="code">Code of six digits</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" maxlength="6" required autofocus>`;

export const totpPage = (frame: ChallengeFrame): Reply =>
  form(
    frame,
    'Enter your code',
    html`<p>Your authenticator app shows a code for this account.</p>`,
    html`${carried(frame)}
${codeField}`,
    'Sign in',
  );

/** `uri`: what authenticator apps read (Key URI format). */
export const totpSetupPage = (frame: ChallengeFrame, secret: string, uri: string): Reply =>
  form(
    frame,
    'Set up an authenticator app',
    html`<p>Add an account to your authenticator app with this key, then enter the code that it shows.</p>
<p><code>${secret.replace(/(.{4})(?=.)/g, '$1 ')}</code></p>
<p class="hint"><a href="${uri}">Open in an app on this device</a></p>`,
    html`${carried(frame)}
${codeField}`,
    'Confirm',
  );

export const errorPage = (status: number, message: string): Reply =>
  page(
    status,
    'Sign-in did not work',
    html`<p class="problem" role="alert">${message}</p>
<p>Please go back to the app and try again.</p>`,
  );
