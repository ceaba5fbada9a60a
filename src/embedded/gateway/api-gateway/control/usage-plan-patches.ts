/** What UpdateUsagePlan can change. */
import type { ApiStage, QuotaSettings } from '@aws-sdk/client-api-gateway';
import { badRequest, notFound } from '../definition.ts';
import type { UsagePlanRecord } from '../state.ts';
import { numberOf, type PatchTable } from './patch.ts';

/** `<api>:<stage>`, as patches name a stage. */
export const stageText = ({ apiId = '', stage = '' }: ApiStage): string => `${apiId}:${stage}`;

/** Patches that change the plan in place. */
export function planPatches(plan: UsagePlanRecord): PatchTable {
  const stageOf = (text: string): ApiStage => {
    const found = plan.apiStages?.find((each) => stageText(each) === text);
    if (!found) throw notFound(`The Usage Plan has no API Stage ${text}`);
    return found;
  };
  const methodLimit =
    (name: 'rateLimit' | 'burstLimit') =>
    ({
      value,
      parts: [stage = '', path = '', method = ''],
    }: {
      value: string;
      parts: readonly string[];
    }): void => {
      const target = stageOf(stage);
      const key = `${path}/${method}`;
      target.throttle = {
        ...target.throttle,
        [key]: { ...target.throttle?.[key], [name]: numberOf(value, name) },
      };
    };
  return [
    ['/name', ({ value }) => Object.assign(plan, { name: value })],
    ['/description', ({ value }) => Object.assign(plan, { description: value })],
    [
      '/throttle',
      ({ op }) => {
        if (op !== 'remove') throw badRequest("Only 'remove' is possible on /throttle");
        delete plan.throttle;
      },
    ],
    [
      '/throttle/rateLimit',
      ({ value }) => {
        plan.throttle = { ...plan.throttle, rateLimit: numberOf(value, 'rateLimit') };
      },
    ],
    [
      '/throttle/burstLimit',
      ({ value }) => {
        plan.throttle = { ...plan.throttle, burstLimit: numberOf(value, 'burstLimit') };
      },
    ],
    [
      '/quota',
      ({ op }) => {
        if (op !== 'remove') throw badRequest("Only 'remove' is possible on /quota");
        delete plan.quota;
      },
    ],
    [
      '/quota/limit',
      ({ value }) => {
        plan.quota = { ...plan.quota, limit: numberOf(value, 'limit') };
      },
    ],
    [
      '/quota/period',
      ({ value }) => {
        plan.quota = { ...plan.quota, period: value as NonNullable<QuotaSettings['period']> };
      },
    ],
    [
      '/quota/offset',
      ({ value }) => {
        plan.quota = { ...plan.quota, offset: numberOf(value, 'offset') };
      },
    ],
    [
      '/apiStages',
      ({ op, value }) => {
        const [apiId = '', stage = ''] = value.split(':');
        if (op === 'remove') {
          stageOf(value);
          plan.apiStages = (plan.apiStages ?? []).filter((each) => stageText(each) !== value);
        } else plan.apiStages = [...(plan.apiStages ?? []), { apiId, stage }];
      },
    ],
    [
      '/apiStages/*/throttle',
      ({ parts: [stage = ''] }) => {
        delete stageOf(stage).throttle;
      },
    ],
    [
      '/apiStages/*/throttle/*/*',
      ({ op, parts: [stage = '', path = '', method = ''] }) => {
        if (op !== 'remove') throw badRequest("Only 'remove' is possible on a method's throttle");
        delete stageOf(stage).throttle?.[`${path}/${method}`];
      },
    ],
    ['/apiStages/*/throttle/*/*/rateLimit', methodLimit('rateLimit')],
    ['/apiStages/*/throttle/*/*/burstLimit', methodLimit('burstLimit')],
  ];
}
