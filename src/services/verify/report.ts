/** A verification as one HTML file that an auditor can read: it needs nothing else, and runs nothing. */
import { type AttackClass, type AttackResult, attackClasses, type Outcome, type Shot } from './attack.ts';
import { type ControlName, controls } from './controls.ts';
import type { Verification } from './verify.ts';

/** What a verification can't show, told to whoever relies on it. */
export const notCovered: readonly string[] = [
  'Denial of service from outside beyond the limits of tenants (floods of connections, slow requests).',
  'What an operator with access to the account can do, or somebody who has his credentials.',
  'The code of services that are not built in: they are attacked from outside and by their roles, not by their routes.',
  'Tokens that have expired or are not valid yet are forged: the shortest life that Cognito gives a genuine one is longer than a verification. The check itself is tested with the code.',
  'A token, once the gateway has let it pass, passes for 30 seconds more: API Gateway remembers the decision.',
  'Isolation of processors, memory and network between tasks, which is for AWS to keep.',
];

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => escapes[character] ?? '');

const words: Readonly<Record<Outcome, string>> = {
  held: 'held',
  succeeded: 'SUCCEEDED',
  inconclusive: 'inconclusive',
};
const mark = (outcome: Outcome): string => `<span class="${outcome}">${words[outcome]}</span>`;

const style = `
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 70rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.4rem; border-bottom: 1px solid #ccc; padding-bottom: .2rem; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; } th { text-align: left; font-weight: 600; }
th, td { padding: .3rem .8rem .3rem 0; vertical-align: top; border-bottom: 1px solid #eee; }
code { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
.verdict { font-size: 1.15rem; padding: .7rem 1rem; border-left: 5px solid; background: #f6f6f6; }
.held { color: #1b6e34; } .succeeded { color: #b00020; font-weight: 700; } .inconclusive { color: #8a5a00; font-weight: 600; }
.verdict.held { border-color: #1b6e34; } .verdict.succeeded { border-color: #b00020; } .verdict.inconclusive { border-color: #8a5a00; }
details { margin: .25rem 0; border-bottom: 1px solid #eee; padding-bottom: .25rem; } summary { cursor: pointer; }
summary .name { font-weight: 600; } .tier { color: #555; } .evidence td { font-size: 13px; }
@media print { body { margin: 0; } details > * { display: block; } }
`;

const row = (name: string, value: string): string => `<tr><th>${escaped(name)}</th><td>${value}</td></tr>`;

function verdict({ summary }: Verification): string {
  const { attacks, succeeded, inconclusive } = summary;
  const outcome: Outcome =
    succeeded > 0 ? 'succeeded' : inconclusive > 0 || attacks === 0 ? 'inconclusive' : 'held';
  const text =
    outcome === 'held'
      ? `All ${attacks} attacks were made, and each was stopped.`
      : [
          ...(succeeded > 0 ? [`${succeeded} of ${attacks} attacks succeeded`] : []),
          ...(inconclusive > 0 ? [`${inconclusive} of ${attacks} could not be made`] : []),
        ].join('; ');
  return `<p class="verdict ${outcome}">${escaped(text)}</p>`;
}

const shotRow = ({ sent, received, outcome }: Shot): string =>
  `<tr><td><code>${escaped(sent)}</code></td><td><code>${escaped(received)}</code></td><td>${mark(outcome)}</td></tr>`;

function attackEntry(attack: AttackResult): string {
  const control = controls[attack.control];
  return `<details${attack.outcome === 'held' ? '' : ' open'}><summary>${mark(attack.outcome)} <span class="name">${escaped(attack.name)}</span> <span class="tier">${escaped(attack.tier)}, ${escaped(attack.tenant)}</span></summary>
<p>Tries: ${escaped(attack.tries)}. Expected: ${escaped(attack.expects)}.<br>Control: <b>${escaped(attack.control)}</b>, which ${escaped(control.does)} (${escaped(control.in)}).</p>
<table class="evidence"><tr><th>Sent</th><th>Received</th><th></th></tr>${attack.evidence.map(shotRow).join('\n')}</table></details>`;
}

function section(attackClass: AttackClass, attacks: readonly AttackResult[]): string {
  const mine = attacks.filter((attack) => attack.class === attackClass);
  if (mine.length === 0) return '';
  const held = mine.filter(({ outcome }) => outcome === 'held').length;
  return `<h2>${escaped(attackClasses[attackClass].title)}</h2><p>${held} of ${mine.length} held.</p>${mine.map(attackEntry).join('\n')}`;
}

/** Each control that an attack relied on, with how often it held. */
function controlTable(attacks: readonly AttackResult[]): string {
  const used = [...new Set(attacks.map(({ control }) => control))] as ControlName[];
  const lines = (Object.keys(controls) as ControlName[])
    .filter((name) => used.includes(name))
    .map((name) => {
      const mine = attacks.filter(({ control }) => control === name);
      const bad = mine.filter(({ outcome }) => outcome !== 'held');
      const [worst] = [...bad].sort(
        (a, b) => Number(b.outcome === 'succeeded') - Number(a.outcome === 'succeeded'),
      );
      return `<tr><td><b>${escaped(name)}</b></td><td>${escaped(controls[name].does)}</td><td>${mine.length}</td><td>${mark(worst?.outcome ?? 'held')}</td></tr>`;
    });
  return `<table><tr><th>Control</th><th>What it does</th><th>Attacks</th><th></th></tr>${lines.join('\n')}</table>`;
}

export function reportOf(verification: Verification): string {
  const { summary, attacks, skipped, subjects } = verification;
  const facts = [
    row('Product', escaped(`${verification.app}, environment ${verification.environment}`)),
    row('Account and Region', escaped(`${verification.account}, ${verification.region}`)),
    row('Routing', escaped(verification.routing)),
    row('When', `${escaped(verification.startedAt)}, for ${(summary.durationMs / 1_000).toFixed(1)} s`),
    row('By', `<code>${escaped(verification.by)}</code>`),
    row('Verification', `<code>${escaped(verification.id)}</code>`),
    row('Suites', escaped(verification.suites.join(', '))),
    row(
      'Attacks',
      `${summary.attacks}: ${summary.held} held, ${summary.succeeded} succeeded, ${summary.inconclusive} inconclusive`,
    ),
    row(
      'Between',
      subjects
        .map(({ name, tenantId, tier, disposable }) =>
          escaped(`${name} (${tier}, ${tenantId}${disposable ? ', made for it' : ''})`),
        )
        .join('<br>'),
    ),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Isolation of tenants: ${escaped(verification.app)}</title><style>${style}</style></head><body>
<h1>Isolation of tenants, attacked</h1>
${verdict(verification)}
<table>${facts.join('\n')}</table>
<p>Each attack was really made: by requests to the tenants' API, by AWS's public operations, and by tasks that ran as a
tenant's own, with its role and in its network. "Held" means that it was refused as expected; "inconclusive" that it could
not be made, so nothing is known, and it does not count as held.</p>
<h2>Controls</h2>
${controlTable(attacks)}
${(Object.keys(attackClasses) as AttackClass[]).map((each) => section(each, attacks)).join('\n')}
<h2>What this does not show</h2>
<ul>${notCovered.map((text) => `<li>${escaped(text)}</li>`).join('\n')}</ul>
${skipped.length === 0 ? '' : `<h2>Not attacked</h2><table>${skipped.map(({ name, tier, why }) => row(`${name} (${tier})`, escaped(why))).join('\n')}</table>`}
</body></html>
`;
}
