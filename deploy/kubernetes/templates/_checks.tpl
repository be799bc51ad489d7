{{- /* An amount of memory or disk in bytes: 1.5Gi, 500M, 1024. */ -}}
{{- define "phonoscope.bytes" -}}
{{- $units := dict "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $text := include "phonoscope.text" . -}}
{{- mulf (regexFind "^[0-9.]+" $text) (get $units (regexFind "[kMGT]i?$" $text) | default 1) | int64 -}}
{{- end }}

{{- /* What a setting of a part is called in the values: its own goes before the common one. */ -}}
{{- define "phonoscope.setting-name" -}}
{{- if hasKey .values.settings .setting }}{{ .name }}.{{ end -}}settings.{{ .setting }}
{{- end }}

{{- /* A part's own values: room for an upload in what is temporary, memory as is asked for, and ways out as it needs. */ -}}
{{- define "phonoscope.check-part" -}}
{{- $settings := fromJson (include "phonoscope.settings" .) -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- if and $settings.otlp_endpoint $policy.enabled (not $policy.collector) -}}
{{- fail (printf "networkPolicy.collector: name where %s leads to" (include "phonoscope.setting-name" (merge (dict "setting" "otlp_endpoint") .))) -}}
{{- end -}}
{{- if $settings.oidc_issuer -}}
{{- $issuer := include "phonoscope.setting-name" (merge (dict "setting" "oidc_issuer") .) -}}
{{- range list "public_url" "oidc_client_id" -}}
{{- if not (get $settings .) }}{{ fail (printf "settings.%s: must be set, for %s is" . $issuer) }}{{ end -}}
{{- end -}}
{{- if and (eq .name "gateway") $policy.enabled (not $policy.identityProvider) -}}
{{- fail (printf "networkPolicy.identityProvider: name where %s leads to" $issuer) -}}
{{- end -}}
{{- end -}}
{{- $upload := $settings.max_upload_bytes | default 2147483648 -}}
{{- if and .keepsUploads (lt (include "phonoscope.bytes" .values.temporary | int64) (int64 $upload)) -}}
{{- fail (printf "%s.temporary: %s is less than the largest upload, settings.max_upload_bytes (%d)" .name .values.temporary (int64 $upload)) -}}
{{- end -}}
{{- $resources := .values.resources -}}
{{- if and $resources.requests $resources.requests.memory -}}
{{- if gt (include "phonoscope.bytes" $resources.requests.memory | int64) (include "phonoscope.bytes" $resources.limits.memory | int64) -}}
{{- fail (printf "%s.resources.requests.memory: %v is more than its limit, %v" .name $resources.requests.memory $resources.limits.memory) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* The default of networkPolicy.webhooks. */ -}}
{{- define "phonoscope.public-receivers" -}}
{{- $private := list "0.0.0.0/8" "10.0.0.0/8" "100.64.0.0/10" "127.0.0.0/8" "169.254.0.0/16" "172.16.0.0/12" "192.168.0.0/16" -}}
{{- list (dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" $private)) (dict "ipBlock" (dict "cidr" "2000::/3")) | toJson -}}
{{- end }}

{{- /* Values that contradict each other, which the schema cannot compare. */ -}}
{{- define "phonoscope.check" -}}
{{- $values := .Values -}}
{{- $served := dict -}}
{{- include "phonoscope.check-part" (dict "root" . "name" "gateway" "values" $values.gateway "keepsUploads" true) -}}
{{- include "phonoscope.check-part" (dict "root" . "name" "courier" "values" $values.courier) -}}
{{- include "phonoscope.check-part" (dict "root" . "name" "migrate" "values" $values.migrate) -}}
{{- range $name, $pool := $values.pools -}}
{{- if $pool.enabled -}}
{{- include "phonoscope.check-part" (dict "root" $ "name" (printf "pools.%s" $name) "values" $pool "keepsUploads" true) -}}
{{- range ternary (list "short" "long") (list $pool.lane) (eq $pool.lane "both") }}{{ $_ := set $served (printf "%s %s" $pool.pool .) true }}{{ end -}}
{{- if gt (int $pool.autoscaling.minReplicas) (int $pool.autoscaling.maxReplicas) -}}
{{- fail (printf "pools.%s.autoscaling.minReplicas: %v is more than maxReplicas, which is %v" $name $pool.autoscaling.minReplicas $pool.autoscaling.maxReplicas) -}}
{{- end -}}
{{- if and $values.autoscaling.enabled (not (kindIs "invalid" $pool.replicas)) -}}
{{- fail (printf "pools.%s.replicas: autoscaling.enabled decides the number of workers; unset one of them" $name) -}}
{{- end -}}
{{- if hasKey $pool.resources.limits $values.gpu.resource -}}
{{- fail (printf "pools.%s.resources.limits: %s is set by gpu.count" $name $values.gpu.resource) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range list "gpu short" "gpu long" "cpu short" "cpu long" -}}
{{- if not (hasKey $served .) }}{{ fail (printf "pools: no enabled pool serves the queue of %s tasks, which would wait without end" .) }}{{ end -}}
{{- end -}}
{{- $settings := fromJson (include "phonoscope.settings" (dict "root" . "values" $values.gateway)) -}}
{{- if $values.ingress.enabled -}}
{{- if and $values.networkPolicy.enabled (eq (toJson $values.networkPolicy.gateway) (toJson (list (dict "podSelector" (dict))))) -}}
{{- fail "networkPolicy.gateway: name the pods of the ingress controller, which ingress.enabled lets in" -}}
{{- end -}}
{{- $wait := maxf 60 ($settings.search_wait_s | default 300) -}}
{{- if le (float64 $values.ingress.timeoutSeconds) (float64 $wait) -}}
{{- fail (printf "ingress.timeoutSeconds: %v must be more than settings.search_wait_s (%v) and than a long poll (60)" $values.ingress.timeoutSeconds ($settings.search_wait_s | default 300)) -}}
{{- end -}}
{{- end -}}
{{- if and $values.ingress.enabled $settings.allowed_hosts -}}
{{- $named := false -}}
{{- range splitList "," $settings.allowed_hosts -}}
{{- $name := trim . | lower -}}
{{- if or (eq $name $values.ingress.host) (and (hasPrefix "*." $name) (hasSuffix (trimPrefix "*" $name) $values.ingress.host)) }}{{ $named = true }}{{ end -}}
{{- end -}}
{{- if not $named }}{{ fail (printf "settings.allowed_hosts: %s does not name ingress.host, %s" $settings.allowed_hosts $values.ingress.host) }}{{ end -}}
{{- end -}}
{{- if and $values.ingress.enabled $settings.public_url -}}
{{- if ne ((urlParse $settings.public_url).hostname | lower) $values.ingress.host -}}
{{- fail (printf "settings.public_url: %s is not at ingress.host, %s" $settings.public_url $values.ingress.host) -}}
{{- end -}}
{{- end -}}
{{- if and $values.ingress.tlsSecretName (hasPrefix "http:" ($settings.public_url | default "" | lower)) -}}
{{- fail (printf "settings.public_url: %s is plain, and with ingress.tlsSecretName browsers come by https" $settings.public_url) -}}
{{- end -}}
{{- $couriers := fromJson (include "phonoscope.settings" (dict "root" . "values" $values.courier)) -}}
{{- if and $couriers.webhook_allow $values.networkPolicy.enabled -}}
{{- if or (not $values.networkPolicy.webhooks) (eq (toJson $values.networkPolicy.webhooks) (include "phonoscope.public-receivers" .)) -}}
{{- $allow := include "phonoscope.setting-name" (dict "setting" "webhook_allow" "name" "courier" "values" $values.courier) -}}
{{- fail (printf "networkPolicy.webhooks: name the networks of %s, %s, too" $allow $couriers.webhook_allow) -}}
{{- end -}}
{{- end -}}
{{- if and (hasPrefix "verify-" $values.database.sslmode) (not $values.database.caSecret) -}}
{{- fail (printf "database.caSecret: must name the secret with the authorities that sslmode %s checks by" $values.database.sslmode) -}}
{{- end -}}
{{- if and $values.database.caSecret (has $values.database.sslmode (list "disable" "allow" "prefer")) -}}
{{- fail (printf "database.caSecret: is used with database.sslmode require, verify-ca or verify-full; with %s a server that fails the check is spoken to in the clear" $values.database.sslmode) -}}
{{- end -}}
{{- if and $values.broker.caSecret (not $values.broker.tls) -}}
{{- fail "broker.caSecret: is used with broker.tls alone" -}}
{{- end -}}
{{- if and $values.autoscaling.user (not $values.autoscaling.existingSecret) -}}
{{- fail "autoscaling.existingSecret: must name the secret with the password of autoscaling.user" -}}
{{- end -}}
{{- if and $values.autoscaling.existingSecret (not $values.autoscaling.user) -}}
{{- fail "autoscaling.user: must name the role whose password is in autoscaling.existingSecret" -}}
{{- end -}}
{{- if eq (int $values.metrics.port) 8000 }}{{ fail "metrics.port: 8000 is the gateway's own port" }}{{ end -}}
{{- if and $values.metrics.port $values.networkPolicy.enabled (not $values.networkPolicy.metrics) -}}
{{- fail "networkPolicy.metrics: name who may read metrics.port" -}}
{{- end -}}
{{- end }}
