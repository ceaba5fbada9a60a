/**
 * Loaded into a command by a test: the command dies with -9 in the moment in which it has told of a certain event. Killed
 * from outside it could be done before the signal comes.
 */
const [event, step] = (process.env.TEST_DIES_AT ?? '').split(' ');
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (chunk, ...rest) => {
  const written = write(chunk, ...rest);
  for (const line of String(chunk).split('\n')) {
    if (!line.includes(`"event":"${event}"`)) continue;
    if (JSON.parse(line).step === step) process.kill(process.pid, 'SIGKILL');
  }
  return written;
};
