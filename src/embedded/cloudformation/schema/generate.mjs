/**
 * Writes types.json: what CloudFormation's resource specification says of the types that the embedded cloud knows.
 * Run by hand when a type is added: `node src/embedded/cloudformation/schema/generate.mjs`. The specification comes
 * with toolkit-lib as @aws-cdk/aws-service-spec (Apache-2.0); it takes half a second to load, so an extract is kept.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { loadAwsServiceSpecSync } = createRequire(import.meta.url)('@aws-cdk/aws-service-spec');
const here = (name) => new URL(name, import.meta.url);
const wanted = readFileSync(here('types.txt'), 'utf8').split('\n').filter(Boolean);
const db = loadAwsServiceSpecSync();

/** A type as `string`, `[element]`, `{ map: element }`, `{ ref: definition }` or `{ any: [types] }`. */
function typeOf(type, refer) {
  switch (type.type) {
    case 'array':
      return [typeOf(type.element, refer)];
    case 'map':
      return { map: typeOf(type.element, refer) };
    case 'ref':
      return { ref: refer(type.reference.$ref) };
    case 'union':
      return { any: type.types.map((member) => typeOf(member, refer)) };
    default:
      return type.type;
  }
}

function shapeOf(properties, refer) {
  const shape = { properties: {} };
  const required = [];
  const replace = [];
  for (const [name, property] of Object.entries(properties)) {
    shape.properties[name] = typeOf(property.type, refer);
    if (property.required) required.push(name);
    if (property.causesReplacement === 'yes') replace.push(name);
  }
  if (required.length > 0) shape.required = required;
  return { shape, replace };
}

const types = {};
for (const name of wanted) {
  const [resource] = db.lookup('resource', 'cloudFormationType', 'equals', name);
  if (!resource) throw new Error(`${name} is not in the specification`);
  const definitions = {};
  const refer = (id) => {
    const definition = db.get('typeDefinition', id);
    if (!(definition.name in definitions)) {
      definitions[definition.name] = {};
      definitions[definition.name] = shapeOf(definition.properties, refer).shape;
    }
    return definition.name;
  };
  const { shape, replace } = shapeOf(resource.properties, refer);
  types[name] = {
    ...shape,
    replace,
    attributes: Object.keys(resource.attributes),
    ...(Object.keys(definitions).length > 0 ? { definitions } : {}),
  };
}
writeFileSync(here('types.json'), `${JSON.stringify(types)}\n`);
