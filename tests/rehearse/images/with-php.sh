#!/bin/sh
# PHP in the background, and nginx in the place of this script.
php-fpm8.2 --fpm-config /app/php-fpm.conf
exec nginx -c /app/nginx.conf
