import { BootstraplessSynthesizer, type IStackSynthesizer } from 'aws-cdk-lib/core';

/**
 * For templates that are stored and deployed many times over: parameters are all that goes in. An asset in such a
 * stack is an error, and it does not ask whether the account was bootstrapped.
 */
export const parametersOnly = (): IStackSynthesizer => new BootstraplessSynthesizer() as IStackSynthesizer;
