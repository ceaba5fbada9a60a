import { itemRoutes } from '../kit/item-routes.ts';
import { runService } from '../kit/run.ts';
import { openTable } from '../kit/table-access.ts';

interface Product {
  name: string;
  price: number;
  sku?: string;
  category?: string;
}

const text = { type: 'string', minLength: 1, maxLength: 200, pattern: '\\S' };

await runService('product', { path: '/products', table: { sortKey: 'productId' } }, (api, settings) =>
  itemRoutes<Product>(api, openTable(settings), {
    what: 'product',
    idName: settings.table?.sortKey ?? 'productId',
    fields: {
      name: text,
      price: { type: 'number', minimum: 0, maximum: 1_000_000_000 },
      sku: { ...text, maxLength: 64 },
      category: { ...text, maxLength: 64 },
    },
    required: ['name', 'price'],
    toFields: ({ name, price, sku, category }) => ({ name, price, sku, category }),
  }),
);
