# The program alone: nats-server is embedded only when `nats.url` is unset, so the image of a cluster needs none.
FROM node:24.21.0-bookworm-slim
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without a compile cache that it may write to, each thread loads the type stripper: 30 MB and most of its start.
RUN npm ci --omit=dev && mkdir /data .compile-cache && chown node:node /data .compile-cache
COPY actors actors
COPY bin bin
COPY protocols protocols
COPY runtime runtime
COPY storage storage
ENV SKALD_HTTP_HOST=0.0.0.0 SKALD_DATA_DIR=/data
VOLUME /data
EXPOSE 3100
USER node
ENTRYPOINT ["/app/bin/skald.sh"]
CMD ["start"]
