/** saas-ecs.yaml: a configuration, or all its mistakes with their lines. */
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { parse } from 'yaml';
import { SaasError } from '../../src/model/error.ts';
import { parseConfig } from '../../src/services/config/load.ts';
import { defaultServices, defaultTiers, projectText } from '../../src/services/config/write.ts';
import { badText } from './bad-values.ts';
import { changedTexts } from './documents.ts';
import { expectNoTrace, property } from './property.ts';

const valid: unknown = parse(
  projectText({
    app: 'shop',
    adminEmail: 'ops@shop.example',
    aws: { name: 'prod', account: '123456789012', region: 'eu-central-1' },
    tiers: defaultTiers,
    services: defaultServices,
    routing: 'proxy',
  }),
);

function check(text: string): void {
  try {
    const config = parseConfig(text, '/project/saas-ecs.yaml');
    expect(config.environments.length).toBeGreaterThan(0);
  } catch (error) {
    if (!(error instanceof SaasError)) throw error;
    expect(error.code).toBe('config_invalid');
    expectNoTrace(`${error.message}\n${error.detail}`, text);
    expect(error.detail).not.toMatch(/Maximum call stack|Cannot read prop|is not a function|is not iterable/);
    for (const line of (error.detail ?? '').split('\n').slice(0, 1))
      expect(line).toMatch(/^saas-ecs\.yaml:\d+: ./);
  }
}

describe('saas-ecs.yaml', () => {
  property(
    'saas-ecs.yaml: any text',
    fc.oneof(badText, fc.string({ unit: 'binary', maxLength: 300 })),
    check,
  );
  property('saas-ecs.yaml: a valid one with something changed', changedTexts(valid, ['yaml', 'json']), check);
});
