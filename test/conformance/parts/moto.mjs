/** The SDK calls that saas-ecs makes, on moto and on the embedded cloud: do good and bad inputs get the same answers? */
import { differences, play } from '../compare.mjs';
import { lastWords } from '../machine.mjs';
import { startMoto } from '../moto-server.mjs';
import { explanationsOf } from '../report.mjs';
import { accounts } from '../scenarios/accounts.mjs';
import { identity } from '../scenarios/identity.mjs';
import { keys } from '../scenarios/keys.mjs';
import { place } from '../scenarios/place.mjs';
import { providers } from '../scenarios/providers.mjs';
import { stacks } from '../scenarios/stacks.mjs';
import { stores } from '../scenarios/stores.mjs';
import { usagePlans } from '../scenarios/usage-plans.mjs';

export const title = 'the SDK calls of saas-ecs get the same answers from moto';

/** An operation that moto has not, by its own words or since it breaks down. */
const lacking = ({ status, message = '' }) =>
  status === 501 || status === 500 || /not (yet )?(been )?implemented/i.test(message);

export async function run(report, machine) {
  let moto;
  try {
    moto = await startMoto(machine);
    report.note('with', moto.version);
  } catch (error) {
    return report.skip(title, lastWords(error));
  }
  const { endpoint } = await machine.emptyCloud('moto');
  const explanations = await explanationsOf('moto');
  let absent = 0;
  const scenarios = {
    ...stores,
    ...keys,
    ...identity,
    ...accounts,
    ...providers,
    ...usagePlans,
    ...stacks,
    ...place,
  };
  for (const [service, scenario] of Object.entries(scenarios)) {
    const [ours, theirs] = await Promise.all(
      [endpoint, moto.endpoint].map((address) => play(service, scenario, address)),
    );
    for (const [index, row] of ours.entries()) {
      if (lacking(theirs[index])) {
        absent++;
        report.note('not in moto', row.name, `its answer is ${theirs[index].status}`);
      } else report.compare(row.name, differences(row, theirs[index], ['here', 'moto']), explanations);
    }
  }
  report.note('', `${absent} operations are not in moto`);
  report.stale(explanations);
  await moto.stop();
}
