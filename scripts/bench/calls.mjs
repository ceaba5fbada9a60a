/**
 * What an onboarding asks of AWS besides waiting for CloudFormation and ECS: every signed call that leaves the command, by
 * an endpoint in front of the cloud that writes them down. `CALLS=1` prints them.
 */
import { createSystem } from '../../test/faults/system.mjs';
import { openRecordingEndpoint } from './recording-endpoint.mjs';
import { row } from './row.mjs';

/** Asked again and again while CloudFormation or ECS is at work. */
const waiting = new Set([
  'cloudformation DescribeStacks',
  'cloudformation DescribeStackEvents',
  'ecs DescribeServices',
  'elasticloadbalancing DescribeTargetHealth',
]);

const bars = { basic: 12, premium: 25 };

export async function measure() {
  const system = await createSystem();
  try {
    await system.json(...system.deploy);
    const rows = [];
    for (const [tier, atMost] of Object.entries(bars)) {
      const { calls, url, close } = await openRecordingEndpoint(system.endpoint);
      const argv = ['onboard', '--tier', tier, '--name', `calls-${tier}`, '--email', `a@${tier}.example`];
      const ran = await system.run(argv, { url });
      if (ran.code !== 0) throw new Error(`onboard ended with ${ran.code}\n${ran.text}`);
      await close();
      if (process.env.CALLS) process.stderr.write(`${tier}\n  ${calls.join('\n  ')}\n`);
      const asked = calls.filter((call) => !call.startsWith('http ') && !waiting.has(call));
      rows.push(row(`onboard ${tier}, calls to AWS besides waiting`, asked.length, '', { atMost }));
    }
    return rows;
  } finally {
    await system.remove();
  }
}
