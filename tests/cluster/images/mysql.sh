#!/usr/bin/env bash
# Does with MariaDB what the MySQL image does with its variables; the arguments are the server's.
set -euo pipefail

data=/var/lib/mysql/datadir
options=(--no-defaults "--datadir=$data")
if [[ ! -d $data/mysql ]]; then
  mariadb-install-db "${options[@]}" --auth-root-authentication-method=normal >/dev/null
  # MariaDB reads this file line by line: a statement is a line.
  cat >/tmp/init.sql <<SQL
alter user root@localhost identified by '$MYSQL_ROOT_PASSWORD';
create user root@'%' identified by '$MYSQL_ROOT_PASSWORD';
grant all on *.* to root@'%' with grant option;
create database \`$MYSQL_DATABASE\`;
SQL
  set -- "$@" --init-file=/tmp/init.sql
fi
exec mariadbd "${options[@]}" --socket=/run/mysqld/mysqld.sock --bind-address=0.0.0.0 --skip-name-resolve \
  --innodb-flush-log-at-trx-commit=2 "$@"
