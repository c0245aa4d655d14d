{{- define "tidegate.name" -}}
{{- if eq .Release.Name .Chart.Name }}{{ .Chart.Name }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "tidegate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Not the service's: it would send streams to the job. */}}
{{- define "tidegate.topics.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-topics
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tidegate.labels" -}}
{{ include "tidegate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "tidegate.image" -}}
{{- $image := .Values.image -}}
{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "tidegate.serviceAccount" -}}
{{- $account := .Values.serviceAccount -}}
{{- if $account.create }}{{ $account.name | default (include "tidegate.name" .) }}{{ else }}{{ $account.name | default "default" }}{{ end }}
{{- end }}

{{/* The names of what a sidecar finds in its pod must not be those of the application. */}}
{{- define "tidegate.prefix" -}}
{{- if eq .Values.mode "sidecar" }}tidegate-{{ end }}
{{- end }}

{{/* The settings file: what the chart knows, and over it what the values say. */}}
{{- define "tidegate.settings" -}}
{{- $values := .Values -}}
{{- $isSidecar := eq $values.mode "sidecar" -}}
{{- $grpc := dict "listen" (list (ternary "127.0.0.1:50051" "0.0.0.0:50051" $isSidecar)) -}}
{{- if and $values.tls.secret (not $isSidecar) -}}
{{- $tls := dict "cert" "/etc/tidegate/tls/tls.crt" "key" "/etc/tidegate/tls/tls.key" -}}
{{- if $values.tls.clientCa }}{{ $_ := set $tls "client_ca" "/etc/tidegate/tls/ca.crt" }}{{ end -}}
{{- $_ := set $grpc "tls" $tls -}}
{{- end -}}
{{- $settings := dict "grpc" $grpc "admin" (dict "listen" "0.0.0.0:9464") "ext_proc" (dict "enabled" true) "drain_seconds" $values.drainSeconds -}}
{{- if and $isSidecar $values.sidecar.upstream -}}
{{- $_ := set $settings "proxy" (dict "upstream" $values.sidecar.upstream) -}}
{{- end -}}
{{- with $values.kafka -}}
{{- if .bootstrapServers -}}
{{- $kafka := dict "bootstrap_servers" .bootstrapServers "security_protocol" .securityProtocol -}}
{{- if hasPrefix "SASL" .securityProtocol -}}
{{- $_ := set $kafka "sasl_mechanism" .saslMechanism -}}
{{- $_ := set $kafka "sasl_username" (required "kafka.saslUsername is needed with kafka.securityProtocol SASL_..." .saslUsername) -}}
{{- $_ := required "secret (with TIDEGATE_KAFKA__SASL_PASSWORD) is needed with kafka.securityProtocol SASL_..." $values.secret -}}
{{- end -}}
{{- if .caSecret }}{{ $_ := set $kafka "ssl_ca_file" "/etc/tidegate/kafka/ca.crt" }}{{ end -}}
{{- $_ := set $settings "kafka" $kafka -}}
{{- end -}}
{{- end -}}
{{- toYaml (mergeOverwrite $settings (deepCopy $values.settings)) -}}
{{- end }}

{{/* OpenShift gives each namespace a range of users of its own, and refuses others. */}}
{{- define "tidegate.runAs" -}}
{{- if not (.Capabilities.APIVersions.Has "security.openshift.io/v1") -}}
{{- with .Values.runAs -}}
runAsUser: {{ .user }}
runAsGroup: {{ .group }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "tidegate.securityContext" -}}
runAsNonRoot: true
{{- with include "tidegate.runAs" . }}
{{ . }}
{{- end }}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What every container of Tidegate mounts. */}}
{{- define "tidegate.mounts" -}}
{{- $prefix := include "tidegate.prefix" . -}}
- {name: {{ $prefix }}settings, mountPath: /etc/tidegate/settings, readOnly: true}
- {name: {{ $prefix }}tmp, mountPath: /tmp}
{{- if .Values.policies }}
- {name: {{ $prefix }}policies, mountPath: /etc/tidegate/policies, readOnly: true}
{{- end }}
{{- if .Values.kafka.caSecret }}
- {name: {{ $prefix }}kafka, mountPath: /etc/tidegate/kafka, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The variables of whatever reads the settings. */}}
{{- define "tidegate.environment" -}}
{{- with .Values.secret }}
envFrom:
  - secretRef: {name: {{ . }}}
{{- end }}
{{- with .Values.extraEnv }}
env: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* In a pod of somebody else's a limit of ephemeral storage would be the whole pod's: the kubelet adds up those that are set. */}}
{{- define "tidegate.resources" -}}
{{- $resources := deepCopy .Values.resources -}}
{{- if and (eq .Values.mode "sidecar") $resources.limits }}{{ $_ := unset $resources.limits "ephemeral-storage" }}{{ end -}}
{{- toYaml $resources -}}
{{- end }}

{{/* Checks the policies and ends, so that a pod with wrong ones does not replace a right one. */}}
{{- define "tidegate.policyCheck" -}}
- name: {{ include "tidegate.prefix" . }}policy-check
  image: {{ include "tidegate.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [policy, lint, /etc/tidegate/policies]
  resources: {{- include "tidegate.resources" . | nindent 4 }}
  securityContext: {{- include "tidegate.securityContext" . | nindent 4 }}
  volumeMounts: {{- include "tidegate.mounts" . | nindent 4 }}
{{- end }}

{{/* The service's container. In mode sidecar it is an init container that goes on, so it begins before the application
     and ends after it. */}}
{{- define "tidegate.container" -}}
{{- $isSidecar := eq .Values.mode "sidecar" -}}
{{- $prefix := include "tidegate.prefix" . -}}
- name: tidegate
  image: {{ include "tidegate.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- if $isSidecar }}
  restartPolicy: Always
  {{- end }}
  args: [serve, --config, /etc/tidegate/settings/tidegate.yaml]
  {{- with include "tidegate.environment" . }}
  {{- . | nindent 2 }}
  {{- end }}
  ports:
    {{- if not $isSidecar }}
    - {name: grpc, containerPort: 50051}
    {{- end }}
    - {name: {{ $prefix }}admin, containerPort: 9464}
  startupProbe: # models are loaded and tried before streams are welcome
    httpGet: {path: /readyz, port: {{ $prefix }}admin}
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 60
  readinessProbe:
    httpGet: {path: /readyz, port: {{ $prefix }}admin}
    periodSeconds: 5
    timeoutSeconds: 2
  livenessProbe:
    httpGet: {path: /healthz, port: {{ $prefix }}admin}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 3
  {{- if not $isSidecar }}
  lifecycle:
    preStop:
      sleep: {seconds: {{ .Values.preStopSeconds }}}
  {{- end }}
  resources: {{- include "tidegate.resources" . | nindent 4 }}
  securityContext: {{- include "tidegate.securityContext" . | nindent 4 }}
  volumeMounts:
    - {name: {{ $prefix }}outbox, mountPath: /var/lib/tidegate}
    {{- if and .Values.tls.secret (not $isSidecar) }}
    - {name: tls, mountPath: /etc/tidegate/tls, readOnly: true}
    {{- end }}
    {{- include "tidegate.mounts" . | nindent 4 }}
{{- end }}

{{- define "tidegate.volumes" -}}
{{- $isSidecar := eq .Values.mode "sidecar" -}}
{{- $prefix := include "tidegate.prefix" . -}}
- name: {{ $prefix }}settings
  configMap: {name: {{ include "tidegate.name" . }}-settings}
- name: {{ $prefix }}tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- if .Values.policies }}
- name: {{ $prefix }}policies
  configMap: {name: {{ include "tidegate.name" . }}-policies}
{{- end }}
{{- with .Values.kafka.caSecret }}
- name: {{ $prefix }}kafka
  secret: {secretName: {{ . }}}
{{- end }}
{{- if $isSidecar }}
- name: {{ $prefix }}outbox # as long as the pod lives; see docs/envoy.md
  emptyDir: {sizeLimit: {{ .Values.outbox.size }}}
{{- else if .Values.tls.secret }}
- name: tls
  secret: {secretName: {{ .Values.tls.secret }}}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* For a chart that depends on this one: include both with `.Subcharts.tidegate` as their scope, below the pod's
     `initContainers` and `volumes`. Beside Istio the pod also needs the annotation sidecar.istio.io/nativeSidecar: "true". */}}
{{- define "tidegate.sidecar.initContainers" -}}
{{- if ne .Values.mode "sidecar" }}{{ fail "tidegate.mode must be sidecar" }}{{ end -}}
{{- if .Values.policies }}
{{- include "tidegate.policyCheck" . }}
{{ end }}
{{- include "tidegate.container" . }}
{{- end }}

{{- define "tidegate.sidecar.volumes" -}}
{{- include "tidegate.volumes" . }}
{{- end }}

{{/* The ways out: names, and Kafka where there is one. An empty list in a rule would mean everything: values.schema.json
     refuses it. */}}
{{- define "tidegate.egress" -}}
{{- $policy := .Values.networkPolicy -}}
- to: {{- toYaml $policy.dnsPeers | nindent 4 }}
  ports:
    {{- range $policy.dnsPorts }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- if .Values.kafka.bootstrapServers }}
- to: {{- toYaml $policy.kafkaPeers | nindent 4 }}
  ports:
    {{- range .Values.kafka.ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
{{- end }}
