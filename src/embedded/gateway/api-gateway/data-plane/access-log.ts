/** Access logs: one line a request in the stage's format, written in batches. */
import type { Cloud } from '../../../platform.ts';
import { compileTemplate, type TemplateSource } from './mapping.ts';

export interface AccessLog {
  write(exchange: TemplateSource): void;
  flush(): void;
}

const batchMs = 200;

/** `arn:…:log-group:<name>` with or without `:*`; undefined for destinations that are no log group. */
export const logGroupOf = (arn: string): string | undefined => /:log-group:([^:]+)(:\*)?$/.exec(arn)?.[1];

export function createAccessLog(cloud: Cloud, group: string, stream: string, format: string): AccessLog {
  const template = compileTemplate(format.trim(), '-');
  let lines: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const log: AccessLog = {
    write(exchange) {
      lines.push(template(exchange));
      if (timer) return;
      timer = setTimeout(log.flush, batchMs);
      timer.unref();
    },
    flush() {
      clearTimeout(timer);
      timer = undefined;
      if (lines.length === 0) return;
      const batch = lines;
      lines = [];
      cloud.logs.append(group, stream, batch);
    },
  };
  return log;
}
