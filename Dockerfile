# syntax=docker/dockerfile:1
# MAASochist in a container: docs/install.md#docker. Build it in a clone: docker build -t maasochist .
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
# What is installed changes less often than the sources.
COPY package.json package-lock.json .npmrc ./
COPY scripts/setup.mjs scripts/
RUN node scripts/setup.mjs
COPY . .
RUN npm run build
RUN npm prune --omit=dev

FROM ${NODE_IMAGE}
# Programs that drivers run: ping (reachable), ipmitool (ipmi), virsh and ssh (libvirt). Leave out what you do not use.
ARG PROGRAMS="iputils-ping ipmitool libvirt-clients openssh-client"
RUN apt-get update \
 && apt-get install -y --no-install-recommends ${PROGRAMS} \
 && rm -rf /var/lib/apt/lists/*
# Nothing in here needs to become root, so nothing in here can.
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +
RUN useradd --system --uid 6227 --home-dir /var/lib/maasochist --shell /usr/sbin/nologin maasochist \
 && install -d -m 700 -o maasochist -g maasochist /var/lib/maasochist \
 && install -d -m 755 /etc/maasochist
COPY --from=build /src/package.json /src/LICENSE /opt/maasochist/
COPY --from=build /src/node_modules /opt/maasochist/node_modules
COPY --from=build /src/schema /opt/maasochist/schema
COPY --from=build /src/dist /opt/maasochist/dist
RUN ln -s /opt/maasochist/dist/main.js /usr/local/bin/maasochist \
 && ln -s /opt/maasochist/dist/main.js /usr/local/bin/mso

USER maasochist
WORKDIR /var/lib/maasochist
ENV NODE_ENV=production MAASOCHIST_CONFIG=/etc/maasochist/maasochist.yaml
VOLUME /var/lib/maasochist
EXPOSE 6227
STOPSIGNAL SIGTERM
# Over the local socket, wherever it listens. Orders end or are parked before it stops: give it longer than `shutdown_grace`.
HEALTHCHECK --interval=60s --timeout=10s --start-period=20s CMD ["maasochist", "orders", "--json", "--limit", "1"]
ENTRYPOINT ["maasochist"]
CMD ["serve"]
