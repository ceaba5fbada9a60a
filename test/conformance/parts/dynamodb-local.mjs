/** Items on AWS's own DynamoDB Local and on the embedded cloud, to the letter: values, keys of pages, words of errors. */
import { copyFile, mkdir, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { differences, play } from '../compare.mjs';
import { run as execute, lastWords } from '../machine.mjs';
import { explanationsOf } from '../report.mjs';
import { items } from '../scenarios/items.mjs';

export const title = "items behave as on AWS's DynamoDB Local";

/** Directory with DynamoDB Local's jars and native libraries, by Maven. */
async function jars(machine) {
  const directory = path.join(machine.cache, 'dynamodb-local');
  const there = await readdir(directory).catch(() => []);
  if (there.length > 0) return directory;
  const project = path.join(machine.work, 'dynamodb-local');
  await mkdir(project);
  await copyFile(
    path.join(import.meta.dirname, '..', 'requirements', 'dynamodb-local.xml'),
    path.join(project, 'pom.xml'),
  );
  await execute('java', ['-version']);
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
  const argv = ['-q', '-B', goal, '-DoutputDirectory=lib', '-DincludeScope=runtime'];
  await execute('mvn', argv, { cwd: project, timeout: 300_000 });
  await rename(path.join(project, 'lib'), directory);
  return directory;
}

async function start(machine) {
  const directory = await jars(machine);
  const port = await machine.freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const main = 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner';
  const argv = ['-Xmx512m', `-Djava.library.path=${directory}`, '-cp', path.join(directory, '*'), main];
  const server = await machine.serve(
    'java',
    [...argv, '-inMemory', '-port', String(port), '-disableTelemetry'],
    {},
    () => fetch(endpoint),
  );
  const jar = (await readdir(directory)).find((file) => file.startsWith('DynamoDBLocal-'));
  return { endpoint, version: path.basename(jar, '.jar'), stop: server.stop };
}

export async function run(report, machine) {
  let local;
  try {
    local = await start(machine);
    report.note('with', local.version);
  } catch (error) {
    return report.skip(title, `needs Java 17, Maven and com.amazonaws:DynamoDBLocal: ${lastWords(error)}`);
  }
  const { endpoint } = await machine.emptyCloud('items');
  const explanations = await explanationsOf('dynamodb-local');
  const [ours, theirs] = await Promise.all(
    [endpoint, local.endpoint].map((address) => play('DynamoDB', items, address)),
  );
  for (const [index, row] of ours.entries()) {
    const silent = items.steps[index][2]?.silent;
    if (silent && row.outcome === 'ok' && theirs[index].outcome === 'ok') continue;
    report.compare(row.name, differences(row, theirs[index], ['here', 'DynamoDB Local']), explanations);
  }
  report.stale(explanations);
  await local.stop();
}
