/** boto3 against the embedded cloud of a toured project: its serializers, paginators, waiters, exception classes. */
import path from 'node:path';
import { run as execute, lastWords } from '../machine.mjs';

export const title = 'boto3 works on the embedded cloud';

export async function run(report, machine) {
  let python;
  try {
    python = path.join(await machine.python('aws'), 'python');
    const { stdout } = await execute(python, ['-c', 'import boto3; print("boto3", boto3.__version__)']);
    report.note('with', stdout.trim());
  } catch (error) {
    return report.skip(title, lastWords(error));
  }
  const { endpoint, tenants } = await machine.toured();
  const silo = tenants.find(({ model }) => model === 'dedicated-cluster').tenantId;
  const program = path.join(import.meta.dirname, 'boto3_claims.py');
  const { stdout } = await execute(python, [program, endpoint, silo], { timeout: 180_000 });
  for (const line of stdout.trim().split('\n')) {
    const { name, ok, detail } = JSON.parse(line);
    report.check(name, ok, detail);
  }
}
