import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { policyFor } from '../services/iam-policy/policy.ts';
import type { Invocation } from './invocation.ts';

export interface IamPolicyOptions {
  out?: string;
}

/** Prints the documents as JSON, one after the other where it takes several; `--out` writes a file for each. */
export async function iamPolicy(
  cli: Invocation,
  commands: readonly string[],
  options: IamPolicyOptions,
): Promise<void> {
  const { env, region } = cli.options;
  const found = policyFor(await cli.config(), commands, { environment: env, region });
  const files: string[] = [];
  if (options.out !== undefined) {
    const directory = path.resolve(cli.cwd, options.out);
    await mkdir(directory, { recursive: true });
    for (const { name, document } of found.policies) {
      const file = path.join(directory, `${name}.json`);
      await writeFile(file, `${JSON.stringify(document, null, 2)}\n`);
      files.push(file);
    }
  }
  cli.output.result({ ...found, files }, () =>
    options.out === undefined
      ? found.policies.map(({ document }) => JSON.stringify(document, null, 2)).join('\n')
      : files.join('\n'),
  );
  const [first] = files;
  if (first !== undefined)
    cli.output.next(
      `aws iam create-policy --policy-name ${path.basename(first, '.json')} --policy-document file://${first}`,
    );
}
