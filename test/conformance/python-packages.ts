import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

/** What SBT's functions, their layers (AWSLambdaPowertoolsPythonV2:59 is 2.31.0) and Lambda's own runtime bring on AWS. */
const packages = [
  'boto3',
  'aws-lambda-powertools[tracer,validation]==2.31.0',
  'pydantic>=2,<2.12',
  'crhelper',
  'aws-requests-auth',
  'requests',
];

/** A directory with the packages (SAAS_ECS_PYTHON_PACKAGES, or by pip), or why there is none. */
export async function installPackages(
  directory: string,
): Promise<{ directory: string } | { missing: string }> {
  const given = process.env['SAAS_ECS_PYTHON_PACKAGES'];
  if (given) return { directory: path.resolve(given) };
  try {
    await promisify(execFile)(
      'python3',
      ['-m', 'pip', 'install', '--quiet', '--target', directory, ...packages],
      { timeout: 300_000 },
    );
    return { directory };
  } catch (error) {
    const text = String((error as { stderr?: string }).stderr || (error as Error).message);
    return { missing: text.trim().split('\n').at(-1) ?? 'pip failed' };
  }
}
