import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud } from '../../src/embedded/platform.ts';
import { type Harness, startHarness, things } from './cloudformation-harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
});
afterEach(async () => {
  await harness.stop();
});

interface Events {
  StackEvents: { LogicalResourceId: string; ResourceStatus: string; ResourceStatusReason?: string }[];
}
interface Stacks {
  Stacks: {
    StackId: string;
    StackStatus: string;
    StackStatusReason?: string;
    Outputs?: { OutputKey: string; OutputValue: string; ExportName?: string }[];
  }[];
}

const create = (StackName: string, TemplateBody: string, more: object = {}) =>
  harness.call<{ StackId: string }>('CreateStack', { StackName, TemplateBody, ...more });
const update = (StackName: string, TemplateBody: string, more: object = {}) =>
  harness.call('UpdateStack', { StackName, TemplateBody, ...more });
const events = async (stack: string): Promise<string[]> => {
  const { StackEvents } = await harness.call<Events>('DescribeStackEvents', { StackName: stack });
  return StackEvents.reverse().map((event) => `${event.LogicalResourceId} ${event.ResourceStatus}`);
};
const reasonFor = async (stack: string, event: string): Promise<string | undefined> => {
  const { StackEvents } = await harness.call<Events>('DescribeStackEvents', { StackName: stack });
  return StackEvents.find((entry) => `${entry.LogicalResourceId} ${entry.ResourceStatus}` === event)
    ?.ResourceStatusReason;
};
const named = (): string[] => [...harness.world.things.keys()].sort();

describe('creating', () => {
  it('brings up what does not depend on each other at once, the rest in order', async () => {
    const arrived = Promise.all([harness.world.arrived('a'), harness.world.arrived('b')]);
    await create(
      's',
      things({
        C: { Name: 'c', Value: { 'Fn::Join': ['+', [{ Ref: 'A' }, { 'Fn::GetAtt': ['B', 'Value'] }]] } },
        A: { Name: 'a', Hold: 'a' },
        B: { Name: 'b', Hold: 'b', Value: 7 },
      }),
    );
    await arrived;
    expect(harness.world.things.has('c')).toBe(false);
    harness.world.open('a');
    harness.world.open('b');
    expect(await harness.settled('s')).toBe('CREATE_COMPLETE');
    expect(harness.world.things.get('c')?.['Value']).toBe('a+7');
  });

  it('rolls back a failure, cancels what is under way, and says why', async () => {
    const arrived = harness.world.arrived('slow');
    await create(
      's',
      things({
        Good: { Name: 'g' },
        Slow: { Name: 's', Hold: 'slow', Early: true },
        Bad: { Name: 'b', Fail: true, Hold: 'bad' },
      }),
    );
    await arrived;
    harness.world.open('bad');
    expect(await harness.settled('s')).toBe('ROLLBACK_COMPLETE');
    expect(named()).toEqual([]);
    expect(await reasonFor('s', 'Bad CREATE_FAILED')).toBe('Bad would not create (ThingFailed)');
    expect(await reasonFor('s', 'Slow CREATE_FAILED')).toBe('Resource creation cancelled');
    expect(await reasonFor('s', 's ROLLBACK_IN_PROGRESS')).toBe(
      'The following resource(s) failed to create: [Bad, Slow]. Rollback requested by user.',
    );
    await expect(update('s', things({ Good: { Name: 'g' } }))).rejects.toThrow(
      /is in ROLLBACK_COMPLETE state/,
    );
  });

  it('stops where it is when told so, and goes on from there', async () => {
    await create('s', things({ A: { Name: 'a' }, B: { Name: 'b', Fail: true, DependsOn: 'A' } }), {
      OnFailure: 'DO_NOTHING',
    });
    expect(await harness.settled('s')).toBe('CREATE_FAILED');
    expect(named()).toEqual(['a']);
    await update('s', things({ A: { Name: 'a' }, B: { Name: 'b', DependsOn: 'A' } }));
    expect(await harness.settled('s')).toBe('UPDATE_COMPLETE');
    expect(named()).toEqual(['a', 'b']);
    expect(harness.world.log).toEqual(['create A', 'create B', 'create B']);
  });

  it('is one call when it is repeated with its token', async () => {
    const first = await create('s', things({ A: {} }), { ClientRequestToken: 'once' });
    expect(await create('s', things({ A: {} }), { ClientRequestToken: 'once' })).toMatchObject({
      StackId: first.StackId,
    });
    await expect(create('s', things({ A: {} }))).rejects.toThrow('Stack [s] already exists');
    await harness.settled('s');
  });

  it('asks for the capability that IAM resources need', async () => {
    const template = JSON.stringify({
      Resources: {
        R: { Type: 'AWS::IAM::Role', Properties: { RoleName: 'x', AssumeRolePolicyDocument: {} } },
      },
    });
    harness.cloud.services[0]?.resourceTypes &&
      Object.assign(harness.cloud.services[0].resourceTypes, { 'AWS::IAM::Role': harness.world.type() });
    await expect(create('s', template, { Capabilities: ['CAPABILITY_IAM'] })).rejects.toMatchObject({
      code: 'InsufficientCapabilitiesException',
      message: 'Requires capabilities : [CAPABILITY_NAMED_IAM]',
    });
  });
});

describe('updating', () => {
  it('updates in place, replaces and removes, and deletes only once all is well', async () => {
    await create('s', things({ A: { Name: 'a', Value: 1 }, B: { Name: 'b' }, C: { Name: 'c' } }));
    await harness.settled('s');
    harness.world.log.length = 0;
    await update('s', things({ A: { Name: 'a', Value: 2 }, B: { Name: 'b2', DependsOn: 'A' } }));
    expect(await harness.settled('s')).toBe('UPDATE_COMPLETE');
    expect(harness.world.log.slice(0, 2)).toEqual(['update A', 'create B']);
    expect(harness.world.log.slice(2).sort()).toEqual(['delete B', 'delete C']);
    expect(named()).toEqual(['a', 'b2']);
  });

  it('goes back to what was when something fails', async () => {
    const before = things(
      { A: { Name: 'a', Value: 1 }, B: { Name: 'b' }, Gone: { Name: 'gone' } },
      { Outputs: { V: { Value: { 'Fn::GetAtt': 'A.Value' } } } },
    );
    await create('s', before);
    await harness.settled('s');
    await update(
      's',
      things({
        A: { Name: 'a', Value: 2 },
        B: { Name: 'b2' },
        New: { Name: 'new' },
        Bad: { Fail: true, DependsOn: ['A', 'B', 'New'] },
      }),
    );
    expect(await harness.settled('s')).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(named()).toEqual(['a', 'b', 'gone']);
    expect(harness.world.things.get('a')?.['Value']).toBe(1);
    const { Stacks } = await harness.call<Stacks>('DescribeStacks', { StackName: 's' });
    expect(Stacks[0]?.Outputs).toEqual([{ OutputKey: 'V', OutputValue: '1' }]);
    // It is as before, so that the same template is no change.
    await expect(update('s', before)).rejects.toThrow('No updates are to be performed.');
  });

  it('can stop in the middle, and then be rolled back or repaired', async () => {
    await create('s', things({ A: { Name: 'a', Value: 1 } }));
    await harness.settled('s');
    const broken = things({ A: { Name: 'a', Value: 2 }, B: { Name: 'b', Fail: true, DependsOn: 'A' } });
    await update('s', broken, { DisableRollback: true });
    expect(await harness.settled('s')).toBe('UPDATE_FAILED');
    await harness.call('RollbackStack', { StackName: 's' });
    expect(await harness.settled('s')).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(harness.world.things.get('a')?.['Value']).toBe(1);
    await update('s', broken, { DisableRollback: true });
    await harness.settled('s');
    await update('s', things({ A: { Name: 'a', Value: 3 }, B: { Name: 'b', DependsOn: 'A' } }));
    expect(await harness.settled('s')).toBe('UPDATE_COMPLETE');
    expect(harness.world.things.get('a')?.['Value']).toBe(3);
    expect(named()).toEqual(['a', 'b']);
  });

  it('is cancelled on request', async () => {
    await create('s', things({ A: { Name: 'a', Value: 1 } }));
    await harness.settled('s');
    const arrived = harness.world.arrived('x');
    await update('s', things({ A: { Name: 'a', Value: 2 }, X: { Name: 'x', Hold: 'x', Early: true } }));
    await arrived;
    await harness.call('CancelUpdateStack', { StackName: 's' });
    expect(await harness.settled('s')).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(named()).toEqual(['a']);
  });

  it('keeps what is to be retained', async () => {
    await create(
      's',
      things({
        A: { Name: 'a', DeletionPolicy: 'Retain' },
        B: { Name: 'b', UpdateReplacePolicy: 'Retain' },
        C: {},
      }),
    );
    await harness.settled('s');
    await update('s', things({ B: { Name: 'b2', UpdateReplacePolicy: 'Retain' }, C: {} }));
    await harness.settled('s');
    expect(await events('s')).toContain('A DELETE_SKIPPED');
    expect(named()).toEqual(expect.arrayContaining(['a', 'b', 'b2']));
  });
});

describe('deleting', () => {
  it('goes the other way round and leaves a stack that is found by id only', async () => {
    const { StackId } = await create(
      's',
      things({ A: { Name: 'a' }, B: { DependsOn: 'A' }, C: { Value: { Ref: 'B' } } }),
    );
    await harness.settled('s');
    harness.world.log.length = 0;
    await harness.call('DeleteStack', { StackName: 's' });
    expect(await harness.settled(StackId)).toBe('DELETE_COMPLETE');
    expect(harness.world.log).toEqual(['delete C', 'delete B', 'delete A']);
    await expect(harness.call('DescribeStacks', { StackName: 's' })).rejects.toThrow(
      'Stack with id s does not exist',
    );
    await harness.call('DeleteStack', { StackName: 's' });
  });

  it('fails with the resource that will not go, and can then leave it', async () => {
    const { StackId } = await create(
      's',
      things({ A: { Name: 'a', Fail: 'delete' }, B: { Name: 'b', DependsOn: 'A' } }),
    );
    await harness.settled('s');
    await harness.call('DeleteStack', { StackName: 's' });
    expect(await harness.settled('s')).toBe('DELETE_FAILED');
    expect(await reasonFor('s', 's DELETE_FAILED')).toBe('The following resource(s) failed to delete: [A].');
    await harness.call('DeleteStack', { StackName: 's', RetainResources: ['A'] });
    expect(await harness.settled(StackId)).toBe('DELETE_COMPLETE');
    expect(named()).toEqual(['a']);
  });

  it('cuts a creation short', async () => {
    const arrived = harness.world.arrived('a');
    const { StackId } = await create(
      's',
      things({ A: { Name: 'a', Hold: 'a', Early: true }, B: { DependsOn: 'A' } }),
    );
    await arrived;
    await harness.call('DeleteStack', { StackName: 's' });
    while ((await harness.settled(StackId)) !== 'DELETE_COMPLETE')
      await new Promise((resolve) => setImmediate(resolve));
    expect(named()).toEqual([]);
  });

  it('is refused under termination protection and while others import from it', async () => {
    await create(
      's',
      things(
        { A: { Value: 1 } },
        { Outputs: { V: { Value: { 'Fn::GetAtt': ['A', 'Value'] }, Export: { Name: 'v' } } } },
      ),
      {
        EnableTerminationProtection: true,
      },
    );
    await harness.settled('s');
    await expect(harness.call('DeleteStack', { StackName: 's' })).rejects.toThrow(/TerminationProtection/);
    await harness.call('UpdateTerminationProtection', { StackName: 's', EnableTerminationProtection: false });
    await create('t', things({ B: { Name: 'b', Value: { 'Fn::ImportValue': 'v' } } }));
    await harness.settled('t');
    expect(harness.world.things.get('b')?.['Value']).toBe('1');
    expect(await harness.call('ListImports', { ExportName: 'v' })).toMatchObject({ Imports: ['t'] });
    await harness.call('DeleteStack', { StackName: 's' });
    expect(await harness.settled('s')).toBe('DELETE_FAILED');
    await create('u', things({ B: {} }, { Outputs: { V: { Value: 'x', Export: { Name: 'v' } } } }));
    expect(await harness.settled('u')).toBe('ROLLBACK_COMPLETE');
  });
});

describe('a process that is killed', () => {
  const killed = async (): Promise<void> => {
    const next = await harness.kill();
    const old = harness;
    harness = next;
    await old.stop();
  };

  it('goes on creating, without a second of anything', async () => {
    const arrived = harness.world.arrived('b');
    await create(
      's',
      things({ A: {}, B: { Hold: 'b', Early: true, DependsOn: 'A' }, C: { DependsOn: 'B' } }),
    );
    await arrived;
    await killed();
    harness.world.open('b');
    expect(await harness.settled('s')).toBe('CREATE_COMPLETE');
    expect(harness.world.things.size).toBe(3);
  });

  it('makes again what it had no id of, under the same name', async () => {
    const arrived = harness.world.arrived('a');
    await create('s', things({ A: { Hold: 'a' } }));
    await arrived;
    const [name] = named();
    await killed();
    harness.world.open('a');
    expect(await harness.settled('s')).toBe('CREATE_COMPLETE');
    expect(named()).toEqual([name]);
  });

  it('takes for its own what the template names and nobody else has', async () => {
    const arrived = harness.world.arrived('a');
    await create('s', things({ A: { Name: 'given', Hold: 'a' } }));
    await arrived;
    await killed();
    harness.world.open('a');
    expect(await harness.settled('s')).toBe('CREATE_COMPLETE');
    expect(named()).toEqual(['given']);
    // Without a kill in between, a name that is taken is an error.
    await create('t', things({ A: { Name: 'given' } }));
    expect(await harness.settled('t')).toBe('ROLLBACK_COMPLETE');
    expect(named()).toEqual(['given']);
  });

  it('goes on updating, and still knows the way back', async () => {
    await create('s', things({ A: { Name: 'a', Value: 1 }, B: { Name: 'b' } }));
    await harness.settled('s');
    const arrived = harness.world.arrived('x');
    await update(
      's',
      things({
        A: { Name: 'a', Value: 2 },
        B: { Name: 'b2' },
        X: { Name: 'x', Hold: 'x', Early: true, Fail: true, DependsOn: ['A', 'B'] },
      }),
    );
    await arrived;
    await killed();
    harness.world.open('x');
    expect(await harness.settled('s')).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(named()).toEqual(['a', 'b']);
    expect(harness.world.things.get('a')?.['Value']).toBe(1);
  });

  it('goes on after an orderly stop as well', async () => {
    const arrived = harness.world.arrived('a');
    await create('s', things({ A: { Hold: 'a', Early: true } }));
    await arrived;
    await harness.service.stop?.();
    await killed();
    harness.world.open('a');
    expect(await harness.settled('s')).toBe('CREATE_COMPLETE');
    expect(await events('s')).not.toContain('A CREATE_FAILED');
  });
});

it('brings up 45 resources in well under a second', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 45 }, (_, index) => [
      `R${index}`,
      index < 5 ? {} : { Value: { Ref: `R${index - 5}` } },
    ]),
  );
  const started = performance.now();
  await create('s', things(many));
  expect(await harness.settled('s')).toBe('CREATE_COMPLETE');
  const took = performance.now() - started;
  expect(took).toBeLessThan(1000);
});

it('takes a nested stack up again where a killed process left it', async () => {
  const child = things(
    { Slow: { Name: 'slow', Hold: 'slow', Early: true } },
    { Outputs: { Id: { Value: { Ref: 'Slow' } } } },
  );
  await harness.stop();
  harness = await startHarness({
    overrides: { s3: { read: () => Promise.resolve(Buffer.from(child)) } as unknown as Cloud['s3'] },
  });
  const parent = {
    Resources: {
      Nested: {
        Type: 'AWS::CloudFormation::Stack',
        Properties: { TemplateURL: 'https://bucket.s3.amazonaws.com/child.json' },
      },
    },
    Outputs: { Id: { Value: { 'Fn::GetAtt': ['Nested', 'Outputs.Id'] } } },
  };
  const arrived = harness.world.arrived('slow');
  await create('s', JSON.stringify(parent));
  await arrived;
  const old = harness;
  harness = await old.kill();
  await old.stop();
  harness.world.open('slow');
  expect(await harness.settled('s')).toBe('CREATE_COMPLETE');
  const { Stacks } = await harness.call<Stacks>('DescribeStacks', { StackName: 's' });
  expect(Stacks[0]?.Outputs).toEqual([{ OutputKey: 'Id', OutputValue: 'slow' }]);
  await harness.call('DeleteStack', { StackName: 's' });
  await harness.settled(Stacks[0]?.StackId ?? '');
  expect(named()).toEqual([]);
});
