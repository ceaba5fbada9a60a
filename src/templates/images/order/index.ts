import { serviceEnvironment } from '../../../model/names.ts';
import { itemRoutes } from '../kit/item-routes.ts';
import { runService } from '../kit/run.ts';
import { openTable } from '../kit/table-access.ts';
import { createCatalog } from './catalog.ts';

interface Order {
  orderName: string;
  orderProducts: { productId: string; price: number; quantity: number }[];
}

await runService('order', { path: '/orders', table: { sortKey: 'orderId' } }, (api, settings) => {
  const productsUrl = process.env[serviceEnvironment.serviceUrl('products')];
  const catalog = productsUrl ? createCatalog(productsUrl) : undefined;
  itemRoutes<Order>(api, openTable(settings), {
    what: 'order',
    idName: settings.table?.sortKey ?? 'orderId',
    fields: {
      orderName: { type: 'string', minLength: 1, maxLength: 200, pattern: '\\S' },
      orderProducts: {
        type: 'array',
        minItems: 1,
        maxItems: 50,
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['productId', 'price', 'quantity'],
          properties: {
            productId: { type: 'string', maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]*$' },
            price: { type: 'number', minimum: 0, maximum: 1_000_000_000 },
            quantity: { type: 'integer', minimum: 1, maximum: 1_000_000 },
          },
        },
      },
    },
    required: ['orderName', 'orderProducts'],
    toFields: ({ orderName, orderProducts }) => ({
      orderName,
      orderProducts: orderProducts.map(({ productId, price, quantity }) => ({ productId, price, quantity })),
    }),
    ...(catalog && {
      check: ({ orderProducts }, caller) =>
        catalog.requireProducts(
          orderProducts.map(({ productId }) => productId),
          caller.authorization,
        ),
    }),
  });
});
