/**
 * Users of the pool's own who come from an identity provider as well (developer guide, "Linking federated users to an existing
 * user profile").
 */
import {
  AdminDisableProviderForUser$,
  type AdminDisableProviderForUserCommandInput,
  AdminLinkProviderForUser$,
  type AdminLinkProviderForUserCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Operation } from '../../../platform.ts';
import { invalidParameter } from '../errors.ts';
import { identitiesOf, linkedUser } from '../federation/links.ts';
import { providers } from '../federation/providers.ts';
import type { Parts } from '../parts.ts';
import { onPool } from './making.ts';

/** "You can link up to five federated users to each user profile." */
const maxLinks = 5;

export const linkOperations = (parts: Parts): Operation[] => [
  onPool(parts, AdminLinkProviderForUser$, (input: AdminLinkProviderForUserCommandInput, pool) => {
    const users = parts.users(pool);
    const {
      ProviderName = '',
      ProviderAttributeName,
      ProviderAttributeValue: userId = '',
    } = input.SourceUser ?? {};
    const provider = providers(parts.cloud, pool.id).get(ProviderName);
    if (!provider) throw invalidParameter(`The identity provider ${ProviderName} does not exist.`);
    if (ProviderAttributeName !== 'Cognito_Subject')
      throw invalidParameter('The embedded cloud links by the attribute Cognito_Subject alone.');
    if (input.DestinationUser?.ProviderName !== 'Cognito')
      throw invalidParameter(
        "The embedded cloud links to users of the pool's own alone (ProviderName Cognito).",
      );
    if (users.byKey(users.keyOf({ username: `${ProviderName}_${userId}` })))
      throw invalidParameter(
        'Merging is not currently supported, provide a SourceUser that has not been signed up in order to link',
      );
    if (linkedUser(parts, pool, ProviderName, userId))
      throw invalidParameter('SourceUser is already linked to DestinationUser');
    const user = users.get(input.DestinationUser.ProviderAttributeValue);
    const linked = identitiesOf(user);
    if (linked.length >= maxLinks) throw invalidParameter(`A user is linked to ${maxLinks} others at most.`);
    const identity = {
      userId,
      providerName: provider.name,
      providerType: provider.type,
      issuer: null,
      primary: false,
      dateCreated: parts.cloud.clock.now(),
    };
    const identities = JSON.stringify([...linked, identity]);
    users.save({ ...user, attributes: { ...user.attributes, identities } });
    return {};
  }),
  onPool(parts, AdminDisableProviderForUser$, (input: AdminDisableProviderForUserCommandInput, pool) => {
    const { ProviderName = '', ProviderAttributeValue: userId = '' } = input.User ?? {};
    const user = linkedUser(parts, pool, ProviderName, userId);
    if (!user) throw invalidParameter(`Nobody is linked to ${userId} of ${ProviderName}.`);
    const { identities: _, ...attributes } = user.attributes;
    const left = identitiesOf(user).filter(
      (each) => each.providerName !== ProviderName || each.userId !== userId,
    );
    parts.users(pool).save({
      ...user,
      attributes: { ...attributes, ...(left.length > 0 && { identities: JSON.stringify(left) }) },
    });
    return {};
  }),
];
