"""What boto3 finds on an embedded cloud after the tour; one JSON line a claim: {"name", "ok", "detail"}."""

import json
import sys
from datetime import datetime, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, silo = sys.argv[1:3]
session = boto3.Session("conformance", "conformance", region_name="us-east-1")


def client(name, **options):
    return session.client(name, endpoint_url=endpoint, config=Config(inject_host_prefix=False, **options))


def claim(name):
    """Runs the decorated function at once: it returns True, or what is wrong."""

    def decorate(function):
        try:
            result = function()
        except Exception as error:
            result = f"{type(error).__name__}: {error}"
        print(json.dumps({"name": name, "ok": result is True, "detail": str(result)}), flush=True)

    return decorate


def code_of(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "no error"


dynamodb = session.resource("dynamodb", endpoint_url=endpoint)
table = next(t for t in dynamodb.tables.all() if silo in t.name and "Orders" in t.name)


@claim("sts: get_caller_identity")
def _():
    return client("sts").get_caller_identity()["Arn"].endswith(":root")


@claim("dynamodb: the resource interface, decimals, sets and binary values come back as they were")
def _():
    from decimal import Decimal

    item = {"tenantId": "conformance", "orderId": "1", "n": Decimal("1.10"), "s": {"a", "b"}, "b": b"\x00\xff"}
    table.put_item(Item=item)
    found = table.get_item(Key={"tenantId": "conformance", "orderId": "1"})["Item"]
    table.delete_item(Key={"tenantId": "conformance", "orderId": "1"})
    return {**found, "b": found["b"].value} == item or found


@claim("dynamodb: batch writer and paged query")
def _():
    from boto3.dynamodb.conditions import Key

    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"tenantId": "conformance", "orderId": f"{number:03}"})
    pages = client("dynamodb").get_paginator("query").paginate(
        TableName=table.name,
        KeyConditionExpression="tenantId = :t",
        ExpressionAttributeValues={":t": {"S": "conformance"}},
        PaginationConfig={"PageSize": 7},
    )
    ids = [item["orderId"]["S"] for page in pages for item in page["Items"]]
    whole = table.query(KeyConditionExpression=Key("tenantId").eq("conformance"))["Items"]
    with table.batch_writer() as batch:
        for identity in ids:
            batch.delete_item(Key={"tenantId": "conformance", "orderId": identity})
    return ids == [item["orderId"] for item in whole] == [f"{number:03}" for number in range(60)] or ids


@claim("s3: upload, presigned download, a range, metadata, conditional put, delete")
def _():
    import urllib.request

    s3 = client("s3", s3={"addressing_style": "path"})
    bucket = s3.list_buckets()["Buckets"][0]["Name"]
    where = {"Bucket": bucket, "Key": "conformance/ä b+c.txt"}
    s3.put_object(**where, Body=b"0123456789", Metadata={"colour": "red"}, ContentType="text/plain")
    url = s3.generate_presigned_url("get_object", Params=where)
    body = urllib.request.urlopen(url).read()
    part = s3.get_object(**where, Range="bytes=2-4")["Body"].read()
    head = s3.head_object(**where)
    again = code_of(s3.put_object, **where, Body=b"", IfNoneMatch="*")
    s3.delete_object(**where)
    gone = code_of(s3.head_object, **where)
    found = (body, part, head["Metadata"], head["ContentType"], again, gone)
    return found == (b"0123456789", b"234", {"colour": "red"}, "text/plain", "PreconditionFailed", "404") or found


@claim("cloudformation: waiter, paginator, exceptions")
def _():
    api = client("cloudformation")
    body = json.dumps({"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}}})
    api.create_stack(StackName="boto3-conformance", TemplateBody=body)
    api.get_waiter("stack_create_complete").wait(StackName="boto3-conformance", WaiterConfig={"Delay": 1})
    exists = code_of(api.create_stack, StackName="boto3-conformance", TemplateBody=body)
    names = [s["StackName"] for page in api.get_paginator("describe_stacks").paginate() for s in page["Stacks"]]
    api.delete_stack(StackName="boto3-conformance")
    api.get_waiter("stack_delete_complete").wait(StackName="boto3-conformance", WaiterConfig={"Delay": 1})
    found = (exists, "boto3-conformance" in names, code_of(api.describe_stacks, StackName="boto3-conformance"))
    return found == ("AlreadyExistsException", True, "ValidationError") or found


@claim("ecs: the services_stable waiter")
def _():
    ecs = client("ecs")
    services = ecs.list_services(cluster="tenant-template-basic")["serviceArns"]
    ecs.get_waiter("services_stable").wait(cluster="tenant-template-basic", services=services)
    return len(services) == 3


@claim("elbv2: paginators and the target_in_service waiter")
def _():
    elb = client("elbv2")
    groups = [g for page in elb.get_paginator("describe_target_groups").paginate(PageSize=2) for g in page["TargetGroups"]]
    elb.get_waiter("target_in_service").wait(TargetGroupArn=groups[0]["TargetGroupArn"])
    return len(groups) >= 9


@claim("logs: paginator of filter_log_events, times in UTC")
def _():
    pages = client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/saas-ecs/tenant-{silo}")
    newest = max(event["timestamp"] for page in pages for event in page["events"])
    age = datetime.now(timezone.utc).timestamp() - newest / 1000
    return 0 <= age < 3600 or age


@claim("cognito-idp: list_users by paginator, exceptions by class")
def _():
    api = client("cognito-idp")
    pools = [p for page in api.get_paginator("list_user_pools").paginate(PaginationConfig={"PageSize": 1}) for p in page["UserPools"]]
    try:
        api.admin_get_user(UserPoolId=pools[0]["Id"], Username="nobody")
    except api.exceptions.UserNotFoundException:
        return len(pools) >= 3
    return "no exception"


@claim("apigateway: get_api_keys by paginator; a wrong patch is a BadRequestException")
def _():
    api = client("apigateway")
    keys = [k for page in api.get_paginator("get_api_keys").paginate(PaginationConfig={"PageSize": 1}) for k in page["items"]]
    plan = api.get_usage_plans()["items"][0]["id"]
    wrong = code_of(api.update_usage_plan, usagePlanId=plan, patchOperations=[{"op": "replace", "path": "/nope", "value": "1"}])
    return (len(keys) >= 3, wrong) == (True, "BadRequestException") or (len(keys), wrong)


@claim("servicediscovery: discover_instances, with inject_host_prefix=False")
def _():
    api = client("servicediscovery")
    spaces = api.list_namespaces()["Namespaces"]
    code = code_of(api.discover_instances, NamespaceName=spaces[0]["Name"], ServiceName="nope")
    return code == "ServiceNotFound" or code


@claim("secretsmanager, ssm, events, ecr, lambda, iam: lists by paginator")
def _():
    counts = {
        "secretsmanager": ("list_secrets", "SecretList"),
        "ssm": ("describe_parameters", "Parameters"),
        "events": ("list_rules", "Rules"),
        "ecr": ("describe_repositories", "repositories"),
        "lambda": ("list_functions", "Functions"),
        "iam": ("list_roles", "Roles"),
    }
    for name, (operation, member) in counts.items():
        pages = client(name).get_paginator(operation).paginate()
        if not isinstance([entry for page in pages for entry in page[member]], list):
            return name
    return True
