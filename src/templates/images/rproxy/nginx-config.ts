/**
 * The reverse proxy's configuration, made from the list of services when the templates are synthesized and put into the
 * image's directory as {@link nginxConfigFile}: adding a service to saas-ecs.yaml is all it takes. What differs between
 * tasks is filled in by start.sh: where to listen, and where the services are in the Service Connect namespace NAMESPACE.
 *
 * Service Connect names are lines in the container's /etc/hosts, written when the task starts; no DNS server knows them,
 * and nginx's `resolver` does not read that file. So start.sh looks them up, once. A name that is missing it points
 * nowhere, which answers 503 for this service and serves the others, until the proxy is deployed after the service
 * (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html).
 */
import type { Service, ServiceRoute } from '../../../model/service.ts';

/** Where the image's Dockerfile takes the configuration from, relative to the image's directory. */
export const nginxConfigFile = 'nginx.conf.template';
/** The port that the proxy listens on, where PORT doesn't say otherwise; start.sh knows it too. */
export const nginxPort = 8080;
/** Environment variable of the Service Connect namespace, e.g. `tenant-abc` in `orders-api.tenant-abc.sc`. */
export const nginxNamespaceVariable = 'NAMESPACE';

/** The template of nginx's configuration for these services. Throws for a path that nginx would read as syntax. */
export function nginxConfig(services: readonly Service[]): string {
  return `${services.map(({ name, port }) => `# upstream ${variable(name)} ${name}-api ${port}`).join('\n')}

daemon off;
# A task has a quarter of a CPU; more of them run when that is not enough.
worker_processes 1;
error_log stderr warn;
# Relative paths are below a temporary directory of start.sh's.
pid nginx.pid;

events {
  worker_connections 1024;
}

http {
  client_body_temp_path client_body;
  proxy_temp_path proxied;
  fastcgi_temp_path unused;
  uwsgi_temp_path unused;
  scgi_temp_path unused;

  log_format requests escape=json
    '{"level":"info","time":"$time_iso8601","service":"rproxy","method":"$request_method","route":"$route",'
    '"status":$status,"seconds":$request_time,"trace":"$http_x_amzn_trace_id"}';

  map $http_x_forwarded_for $forwarded_for {
    ""      $realip_remote_addr;
    default "$http_x_forwarded_for, $realip_remote_addr";
  }
  map $http_x_forwarded_proto $forwarded_proto {
    ""      $scheme;
    default $http_x_forwarded_proto;
  }

${services.map(upstream).join('\n')}
  # Whoever sends or reads slowly loses his connection, and nobody can take all of them.
  client_header_timeout 10s;
  client_body_timeout 10s;
  send_timeout 10s;
  reset_timedout_connection on;
  client_header_buffer_size 1k;
  large_client_header_buffers 4 16k;
  limit_conn_zone $realip_remote_addr zone=connections:1m;
  limit_conn_status 503;
  # Behind a load balancer that is each of its nodes. A request takes two of a worker's connections.
  limit_conn connections 200;

  server {
    listen \${LISTEN};
    server_tokens off;
    access_log /dev/stdout requests;
    default_type application/json;
    # The API's own limit; the services have theirs.
    client_max_body_size 10m;
    # Longer than the load balancer's 60 seconds of idleness.
    keepalive_timeout 65s;

    # The load balancer is the only one who reaches us; the client is whom it names.
    set_real_ip_from 10.0.0.0/8;
    set_real_ip_from 172.16.0.0/12;
    set_real_ip_from 192.168.0.0/16;
    set_real_ip_from 127.0.0.0/8;
    real_ip_header X-Forwarded-For;
    real_ip_recursive on;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $forwarded_for;
    proxy_set_header X-Forwarded-Proto $forwarded_proto;
    proxy_connect_timeout 2s;
    # The gateway gives up after 29 seconds.
    proxy_read_timeout 30s;
    # What a service did once is not for us to have done twice.
    proxy_next_upstream off;

    set $route none;
    error_page 404 = @not_found;
    error_page 408 = @too_slow;
    error_page 413 = @too_large;
    error_page 502 503 504 = @unavailable;

    location = /health {
      access_log off;
      return 200 '{"status":"ok"}';
    }
${services.map(locations).join('\n')}
    location / {
      return 404;
    }
    location @not_found {
      return 404 '{"error":{"code":"not_found","message":"there is no such route"}}';
    }
    location @too_slow {
      return 408 '{"error":{"code":"too_slow","message":"the request did not arrive in time"}}';
    }
    location @too_large {
      return 413 '{"error":{"code":"too_large","message":"the body is too large"}}';
    }
    location @unavailable {
      add_header Retry-After 2 always;
      return 503 '{"error":{"code":"unavailable","message":"the service can not be reached at the moment"}}';
    }
  }
}
`;
}

const variable = (service: string): string =>
  `UPSTREAM_${service.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;

const upstream = ({ name }: Service): string => `  upstream ${name} {
    server \${${variable(name)}};
    keepalive 32;
  }
`;

function locations({ name, path, routes }: Service): string {
  if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(path))
    throw new Error(`the path "${path}" of the service "${name}" can't be routed by the reverse proxy`);
  const own = routes.filter((route) => route.path === '' || route.path === '/');
  const below = routes.filter((route) => route.path !== '' && route.path !== '/');
  // Without a location of its own, nginx would answer the bare path with a redirect to the one below.
  const bare =
    own.length > 0
      ? location(`= ${path}`, name, path, own)
      : `    location = ${path} {\n      return 404;\n    }\n`;
  return bare + (below.length > 0 ? location(`^~ ${path}/`, name, `${path}/*`, below) : '');
}

function location(
  match: string,
  upstreamName: string,
  route: string,
  routes: readonly ServiceRoute[],
): string {
  return `    location ${match} {
      set $route ${route};
${refuseOthers(routes)}      proxy_pass http://${upstreamName};
    }
`;
}

/** 405 for methods that none of the routes has. */
function refuseOthers(routes: readonly ServiceRoute[]): string {
  const methods = [
    ...new Set(routes.flatMap((route) => route.methods.map((method) => method.toUpperCase()))),
  ];
  if (methods.includes('ANY')) return '';
  return `      if ($request_method !~ ^(${methods.join('|')})$) {
        add_header Allow "${methods.join(', ')}" always;
        return 405 '{"error":{"code":"method_not_allowed","message":"the method is not allowed here"}}';
      }
`;
}
