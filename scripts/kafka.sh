#!/usr/bin/env bash
# Puts Apache Kafka's jars into a folder: kafka.sh FOLDER
#
# They come from the folder that KAFKA_JARS names, from ../shared/kafka/libs, or by Maven. Whatever their way, they are
# the files whose digests tests/kafka/SHA256SUMS has, and no others.
set -euo pipefail

folder=$1
root=$(cd "$(dirname "$0")/.." && pwd)
sums=$root/tests/kafka/SHA256SUMS
jars=${KAFKA_JARS:-$root/../shared/kafka/libs}

if ! command -v java > /dev/null; then
    echo 'error: Kafka needs Java 17 or later (package openjdk-17-jre-headless)' >&2
    exit 2
fi
rm -rf "$folder"
mkdir -p "$folder"
if [[ -d $jars ]]; then
    cp "$jars"/*.jar "$folder"
elif command -v mvn > /dev/null; then
    mvn --quiet --batch-mode --file "$root/tests/kafka/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$(realpath "$folder")"
else
    echo 'error: Kafka comes by Maven (package maven), or from a folder of its jars named in KAFKA_JARS' >&2
    exit 2
fi
wanted=$(cut -c67- "$sums")
for jar in "$folder"/*.jar; do
    grep --quiet --line-regexp --fixed-strings "$(basename "$jar")" <<< "$wanted" || rm "$jar"
done
(cd "$folder" && sha256sum --quiet --check "$sums")
