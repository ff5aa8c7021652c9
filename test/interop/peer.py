"""A producer and consumer of CloudEvents that knows nothing of mapbus but where its events are.

peer.py rabbitmq|kafka URL EVENT_NAME: says "ready", prints the first event that comes as JSON, and then publishes one of
its own, whose data is what it has received.
"""

import json
import sys
from datetime import datetime, timezone

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

kind, url, name = sys.argv[1:4]
CONTENT_TYPE = "application/cloudevents+json"


def say(value):
    print(json.dumps(value, default=str), flush=True)


def answer_to(body):
    """Prints a received event, and gives the bytes of the answer."""
    event = JSONFormat().read(None, body)
    say({"attributes": event.get_attributes(), "data": event.get_data()})
    attributes = {
        "id": "from-python-1",
        "source": "/python",
        "type": name + ".answered",
        "specversion": "1.0",
        "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
        "datacontenttype": "application/json",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    return JSONFormat().write(CloudEvent(attributes=attributes, data={"answer": event.get_data()}))


def run_rabbitmq():
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.exchange_declare("mapbus.events", "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "mapbus.events", name)
    say("ready")
    for method, _, body in channel.consume(queue):
        channel.basic_ack(method.delivery_tag)
        properties = pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=2)
        channel.basic_publish("mapbus.events", name + ".answered", answer_to(body), properties)
        break
    connection.close()


def run_kafka():
    from kafka import KafkaConsumer, KafkaProducer

    servers = url.split(",")
    topic = "mapbus.events." + name
    consumer = KafkaConsumer(topic, bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest")
    producer = KafkaProducer(bootstrap_servers=servers, acks="all")
    say("ready")
    message = next(iter(consumer))
    headers = [("content-type", CONTENT_TYPE.encode())]
    answers = topic + ".answered"
    producer.send(answers, answer_to(message.value), headers=headers).get(timeout=30)
    # The binary mode of the Kafka protocol binding: attributes in headers, the data alone in the body.
    binary = {
        "ce_specversion": "1.0",
        "ce_id": "from-python-2",
        "ce_source": "/python",
        "ce_type": name + ".answered",
        "ce_time": "2026-01-02T03:04:05Z",
        "content-type": "application/json",
    }
    headers = [(key, value.encode()) for key, value in binary.items()]
    producer.send(answers, b'{"answer":"binary"}', headers=headers).get(timeout=30)
    producer.close()
    consumer.close()


{"rabbitmq": run_rabbitmq, "kafka": run_kafka}[kind]()
