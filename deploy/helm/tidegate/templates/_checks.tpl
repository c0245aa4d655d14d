{{/* Values that are right one by one and wrong together. What would be passed over in silence is refused. */}}
{{- define "tidegate.checks" -}}
{{- $values := .Values -}}
{{- $isSidecar := eq $values.mode "sidecar" -}}
{{- if hasKey $values.settings "drain_seconds" -}}
{{- fail "settings.drain_seconds: set drainSeconds instead, which also sets how long a pod may take to end" -}}
{{- end -}}
{{- if hasKey (get $values.settings "kafka" | default dict) "bootstrap_servers" -}}
{{- fail "settings.kafka.bootstrap_servers: set kafka.bootstrapServers instead, which also lets the pods out to the brokers" -}}
{{- end -}}
{{- if and $values.policies (get (get $values.settings "policies" | default dict) "bundle") -}}
{{- fail "policies: settings.policies.bundle takes their place. Leave one of them out" -}}
{{- end -}}
{{- with $values.tls -}}
{{- if and .clientCa (not .secret) -}}
{{- fail "tls.clientCa needs tls.secret: without a certificate of its own the service would speak plain text" -}}
{{- end -}}
{{- if and .secret $isSidecar -}}
{{- fail "tls.secret is for mode service: a sidecar listens on loopback, in plain text. Leave it empty" -}}
{{- end -}}
{{- end -}}
{{- if and $values.sidecar.upstream (not $isSidecar) -}}
{{- fail "sidecar.upstream is for mode sidecar: the service is no proxy. Leave it empty, or set mode to sidecar" -}}
{{- end -}}
{{- include "tidegate.checks.kafka" $values.kafka -}}
{{- with $values.autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail (printf "autoscaling.minReplicas (%d) is more than autoscaling.maxReplicas (%d): raise the latter" (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- include "tidegate.checks.unique" (dict "what" "extraEnv" "key" "name" "entries" $values.extraEnv) -}}
{{- include "tidegate.checks.unique" (dict "what" "extraVolumes" "key" "name" "entries" $values.extraVolumes) -}}
{{- include "tidegate.checks.unique" (dict "what" "extraVolumeMounts" "key" "mountPath" "entries" $values.extraVolumeMounts) -}}
{{- end }}

{{- define "tidegate.checks.kafka" -}}
{{- $protocol := .securityProtocol -}}
{{- if and .caSecret (not (hasSuffix "SSL" $protocol)) -}}
{{- fail (printf "kafka.caSecret needs kafka.securityProtocol SSL or SASL_SSL: %s encrypts nothing" $protocol) -}}
{{- end -}}
{{- if and .saslUsername (not (hasPrefix "SASL" $protocol)) -}}
{{- fail (printf "kafka.saslUsername needs kafka.securityProtocol SASL_PLAINTEXT or SASL_SSL: %s names nobody" $protocol) -}}
{{- end -}}
{{- if and .createTopics (not .bootstrapServers) -}}
{{- fail "kafka.createTopics needs kafka.bootstrapServers: no Kafka is set" -}}
{{- end -}}
{{- end }}

{{- define "tidegate.checks.unique" -}}
{{- $seen := list -}}
{{- range .entries -}}
{{- $name := get . $.key -}}
{{- if has $name $seen }}{{ fail (printf "%s: %s %q is there twice" $.what $.key $name) }}{{ end -}}
{{- $seen = append $seen $name -}}
{{- end -}}
{{- end }}
