{{- /* An amount of a resource in thousandths: 250m, 1.5Gi, 500M, 1024. */ -}}
{{- define "phonoscope.thousandths" -}}
{{- $units := dict "m" 1 "k" 1e6 "M" 1e9 "G" 1e12 "T" 1e15 "Ki" 1024e3 "Mi" 1048576e3 "Gi" 1073741824e3 "Ti" 1099511627776e3 -}}
{{- $text := include "phonoscope.text" . -}}
{{- mulf (regexFind "^[0-9.]+" $text) (get $units (regexFind "(m|[kMGT]i?)$" $text) | default 1000) | int64 -}}
{{- end }}

{{- /* Whether a gateway with these allowed_hosts answers to a host, as it compares them: "true" or nothing. */ -}}
{{- define "phonoscope.answers-to" -}}
{{- $patterns := list -}}
{{- range splitList "," .allowed }}{{ with trim . | lower }}{{ $patterns = append $patterns (trimAll "[]" .) }}{{ end }}{{ end -}}
{{- $named := not $patterns -}}
{{- $host := trimSuffix "." (lower .host) -}}
{{- range $patterns -}}
{{- $glob := regexQuoteMeta . | replace "\\*" ".*" | replace "\\?" "." | replace "\\[" "[" | replace "\\]" "]" | replace "[!" "[^" -}}
{{- if regexMatch (printf "^%s$" $glob) $host }}{{ $named = true }}{{ end -}}
{{- end -}}
{{- if $named }}true{{ end -}}
{{- end }}

{{- /* What Settings says against a URL that people sign in by; nothing where it takes it. */ -}}
{{- define "phonoscope.refused-url" -}}
{{- if not (regexMatch "^https?://[^?]+$" .url) -}}
must be a URL
{{- else if and (ne (.environment | default "production") "development") (hasPrefix "http:" .url) -}}
{{- if not (regexMatch "^(127\\.[0-9.]+|::1|(.*\\.)?localhost)$" ((urlParse .url).hostname | lower)) }}must be https, or http on this machine, in production{{ end -}}
{{- end -}}
{{- end }}

{{- /* What a setting of a part is called in the values: its own goes before the common one. */ -}}
{{- define "phonoscope.setting-name" -}}
{{- if hasKey .values.settings .setting }}{{ .name }}.{{ end -}}settings.{{ .setting }}
{{- end }}

{{- /* A part's own values: room for an upload in what is temporary, limits that what is asked for keeps, URLs and ways out as it
       needs. */ -}}
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
{{- $part := . -}}
{{- range $name, $url := dict "oidc_issuer" $settings.oidc_issuer "public_url" ($settings.public_url | trim | lower) -}}
{{- with include "phonoscope.refused-url" (dict "url" $url "environment" $settings.environment) -}}
{{- fail (printf "%s: %s %s" (include "phonoscope.setting-name" (merge (dict "setting" $name) $part)) (get $settings $name) .) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .name "gateway") $policy.enabled (not $policy.identityProvider) -}}
{{- fail (printf "networkPolicy.identityProvider: name where %s leads to" $issuer) -}}
{{- end -}}
{{- end -}}
{{- $gateway := dict "root" .root "values" .root.Values.gateway "name" "gateway" "setting" "max_upload_bytes" -}}
{{- $upload := (fromJson (include "phonoscope.settings" $gateway)).max_upload_bytes | default 2147483648 | int64 -}}
{{- if and .keepsUploads (lt (include "phonoscope.thousandths" .values.temporary | int64) (mul $upload 1000)) -}}
{{- fail (printf "%s.temporary: %s is less than the largest upload, %s (%d)" .name .values.temporary (include "phonoscope.setting-name" $gateway) $upload) -}}
{{- end -}}
{{- $limits := deepCopy .values.resources.limits -}}
{{- $gpu := .root.Values.gpu -}}
{{- if and (contains "/" $gpu.resource) (not (hasKey $limits $gpu.resource)) -}}
{{- $_ := set $limits $gpu.resource (ternary $gpu.count 0 (and $gpu.enabled (eq (.values.pool | default "") "gpu"))) -}}
{{- end -}}
{{- $name := .name -}}
{{- range $resource, $asked := .values.resources.requests -}}
{{- if hasKey $limits $resource -}}
{{- $limit := get $limits $resource -}}
{{- if gt (include "phonoscope.thousandths" $asked | int64) (include "phonoscope.thousandths" $limit | int64) -}}
{{- fail (printf "%s.resources.requests.%s: %s is more than its limit, %s" $name $resource (include "phonoscope.text" $asked) (include "phonoscope.text" $limit)) -}}
{{- end -}}
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
{{- $closed := and $values.networkPolicy.enabled (eq (toJson $values.networkPolicy.gateway) (toJson (list (dict "podSelector" (dict))))) -}}
{{- if and $closed (ne $values.service.type "ClusterIP") -}}
{{- fail (printf "networkPolicy.gateway: name who comes from outside, whom service.type %s lets in" $values.service.type) -}}
{{- end -}}
{{- if $values.ingress.enabled -}}
{{- if $closed }}{{ fail "networkPolicy.gateway: name the pods of the ingress controller, which ingress.enabled lets in" }}{{ end -}}
{{- $wait := maxf 60 ($settings.search_wait_s | default 300) -}}
{{- if le (float64 $values.ingress.timeoutSeconds) (float64 $wait) -}}
{{- fail (printf "ingress.timeoutSeconds: %v must be more than settings.search_wait_s (%v) and than a long poll (60)" $values.ingress.timeoutSeconds ($settings.search_wait_s | default 300)) -}}
{{- end -}}
{{- end -}}
{{- $allowed := $settings.allowed_hosts | default "" -}}
{{- $public := (urlParse ($settings.public_url | default "" | trim)).hostname -}}
{{- range $name, $host := dict "ingress.host" (ternary $values.ingress.host "" $values.ingress.enabled) "public_url" $public -}}
{{- if and $host (not (include "phonoscope.answers-to" (dict "allowed" $allowed "host" $host))) -}}
{{- $named := include "phonoscope.setting-name" (dict "setting" "allowed_hosts" "name" "gateway" "values" $values.gateway) -}}
{{- fail (printf "%s: %s does not name %s, %s" $named $allowed (ternary "the host of public_url" $name (eq $name "public_url")) $host) -}}
{{- end -}}
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
{{- if and $values.autoscaling.enabled (has $values.autoscaling.sslmode (list "disable" "allow" "prefer")) (has $values.database.sslmode (list "require" "verify-ca" "verify-full")) -}}
{{- fail (printf "autoscaling.sslmode: %s may speak in the clear, which database.sslmode %s does not" $values.autoscaling.sslmode $values.database.sslmode) -}}
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
