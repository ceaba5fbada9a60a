/** The operator's side: his routes, who his tenants are, and their names. */
import {
  CognitoIdentityProviderClient,
  ForgotPasswordCommand,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { SaasError } from '../../../model/error.ts';
import { tenantNameProblem } from '../../../model/tenant.ts';
import { offboard } from '../../tenants/offboard.ts';
import { checkRequest, reserve } from '../../tenants/reservation.ts';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import { send } from '../estate.ts';
import { judged } from '../judge.ts';
import { confusable } from './names.ts';

/** What a public operation says to somebody who knows an address, or guesses one. */
async function said(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt();
    return 'success';
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

/** The same question about a user who exists and one who doesn't must have the same answer. */
async function alike(scene: Scene, what: string, ask: (username: string) => Promise<unknown>): Promise<Shot> {
  const { user, tenantId } = scene.neighbour;
  const known = await said(() => ask(user.email));
  const unknown = await said(() => ask(`verify-nobody@${tenantId}.invalid`));
  const strip = (text: string) => text.replaceAll(/\S+@\S+/g, '…');
  const same = strip(known) === strip(unknown);
  return {
    sent: `${what} for a user of ${scene.neighbour.name}, and for nobody`,
    received: same ? `both: ${strip(known)}` : `"${strip(known)}" and "${strip(unknown)}"`,
    outcome: same ? (/TooMany|LimitExceeded/.test(known) ? 'inconclusive' : 'held') : 'succeeded',
  };
}

const cognitoOf = ({ estate }: Scene) => new CognitoIdentityProviderClient(estate.context.target.client);

export const controlPlaneAttacks: readonly OutsideAttack[] = [
  {
    name: 'operator-routes',
    tries: "asks the tenants' API for the operator's routes",
    expects: '403 or 404',
    control: 'api-routes',
    async run(scene) {
      const paths = [
        '/tenants',
        '/tenant-registrations',
        '/tenant-config',
        '/admin',
        '/registry',
        `/tenants/${scene.neighbour.tenantId}`,
      ];
      // On a tenant that lives nothing is changed, should there be such a route.
      const methods = scene.attacker.disposable ? ['GET', 'POST', 'DELETE'] : ['GET'];
      const shots: Shot[] = [];
      for (const path of paths)
        for (const method of methods) {
          const reply = await send(
            scene.attacker,
            path,
            { method, ...(method === 'POST' && { body: {} }) },
            scene.signal,
          );
          shots.push(
            judged(`${method} ${path} as administrator`, reply, {
              statuses: [403, 404],
              never: [scene.neighbour.name],
            }),
          );
        }
      return shots;
    },
  },
  {
    name: 'enumerate-by-sign-in',
    tries: 'learns by failed sign-ins who is a user',
    expects: 'the same answer for whoever is one and whoever is not',
    control: 'hidden-users',
    run: async (scene) => [
      await alike(scene, 'InitiateAuth with a wrong password', (USERNAME) =>
        cognitoOf(scene).send(
          new InitiateAuthCommand({
            ClientId: scene.neighbour.pool.clientId,
            AuthFlow: 'USER_PASSWORD_AUTH',
            AuthParameters: { USERNAME, PASSWORD: 'wrong-Password-7' },
          }),
        ),
      ),
    ],
  },
  {
    name: 'enumerate-by-forgotten-password',
    tries: 'learns by forgotten passwords who is a user',
    expects: 'the same answer for whoever is one and whoever is not',
    control: 'hidden-users',
    writes: true,
    run: async (scene) => [
      await alike(scene, 'ForgotPassword', (Username) =>
        cognitoOf(scene).send(
          new ForgotPasswordCommand({ ClientId: scene.neighbour.pool.clientId, Username }),
        ),
      ),
    ],
  },
  {
    name: 'enumerate-by-answers',
    stored: true,
    tries: 'learns from the refusals whether an id is a tenant, a user or an item of somebody else',
    expects: 'the same refusal as for an id that nobody has',
    control: 'service-item-scope',
    needs: ['items'],
    async run(scene) {
      const { items } = scene.estate.catalog;
      const shots: Shot[] = [];
      const ask = async (id: string) => {
        const reply = await send(scene.attacker, `${items?.path}/${id}`, {}, scene.signal);
        return `${reply.status} ${reply.body.replaceAll(id, '{id}')}`;
      };
      const nobody = await ask('00000000-0000-7000-8000-000000000000');
      for (const victim of scene.victims) {
        const id = victim.stored[items?.name ?? ''];
        if (id === undefined) continue;
        const theirs = await ask(id);
        shots.push({
          sent: `GET ${items?.path}/{item of ${victim.name}}, and of nobody`,
          received: theirs === nobody ? `both: ${theirs}` : `"${theirs}" and "${nobody}"`,
          outcome: theirs === nobody ? 'held' : 'succeeded',
        });
      }
      return shots;
    },
  },
  {
    name: 'onboard-same-name',
    tries: "onboards a second tenant under the neighbour's name",
    expects: 'the name is taken',
    control: 'tenant-names',
    writes: true,
    async run(scene) {
      const { context, session } = scene.estate;
      const { name, tier } = scene.neighbour;
      const { tier: configured, request } = checkRequest(context, {
        tier,
        name,
        email: 'verify@second.invalid',
      });
      try {
        const { tenant } = await reserve(context, session.registry, configured, request);
        await session.registry.updateTenant(tenant.tenantId, { status: 'failed', operation: undefined });
        await offboard({ ...context, watch: () => {} }, { tenant: tenant.tenantId });
        return [
          {
            sent: `a reservation of the name ${name}`,
            received: `tenant ${tenant.tenantId} was made`,
            outcome: 'succeeded',
          },
        ];
      } catch (error) {
        const refused = error instanceof SaasError && error.code === 'tenant_exists';
        return [
          {
            sent: `a reservation of the name ${name}`,
            received: (error as Error).message,
            outcome: refused ? 'held' : 'inconclusive',
          },
        ];
      }
    },
  },
  {
    name: 'onboard-confusable-name',
    tries:
      "onboards a tenant whose name looks like the neighbour's: other scripts, case, invisible characters, blanks",
    expects: 'the name is refused',
    control: 'tenant-names',
    async run(scene) {
      return confusable(scene.neighbour.name).map((name) => {
        const problem = tenantNameProblem(name);
        return {
          sent: `a request for the name ${JSON.stringify(name)}`,
          received: problem ?? 'the name was accepted',
          outcome: problem === undefined ? 'succeeded' : 'held',
        };
      });
    },
  },
  {
    name: 'onboard-reserved-name',
    tries: 'onboards a tenant with a name that the system uses for itself',
    expects: 'the name is refused',
    control: 'tenant-names',
    async run() {
      return ['basic', 'pool', 'admin', 'system', 'default', '*', '', '..', 'a'.repeat(41)].map((name) => {
        const problem = tenantNameProblem(name);
        return {
          sent: `a request for the name ${JSON.stringify(name)}`,
          received: problem ?? 'the name was accepted',
          outcome: problem === undefined ? 'succeeded' : 'held',
        };
      });
    },
  },
  {
    name: 'name-of-an-id',
    tries: "is called like the neighbour's id, so that the operator's commands take him for the neighbour",
    expects: 'an id comes before a name',
    control: 'tenant-names',
    async run(scene) {
      const { registry } = scene.estate.session;
      const found = await registry.findTenant(scene.neighbour.tenantId);
      const right = found.tenantId === scene.neighbour.tenantId;
      return [
        {
          sent: `a look-up of ${scene.neighbour.tenantId}`,
          received: `the tenant ${found.name}`,
          outcome: right ? 'held' : 'succeeded',
        },
      ];
    },
  },
];
